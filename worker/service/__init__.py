"""The worker process: Celery app, heartbeat, and the loop that claims jobs."""
