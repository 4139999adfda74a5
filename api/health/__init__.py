"""Health, readiness, and the list of workers."""
