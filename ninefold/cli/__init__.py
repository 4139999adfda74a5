"""The `ninefold` command: one module for each noun. Must not import Redis, Celery or torch."""
