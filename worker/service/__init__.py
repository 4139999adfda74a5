"""The worker process: its Celery app, its heartbeat, and the loop that claims work items."""
