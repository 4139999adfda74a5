"""The routes of health, readiness, and the list of workers."""
