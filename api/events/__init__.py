"""The routes of server-sent events."""
