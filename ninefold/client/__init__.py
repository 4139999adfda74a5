"""The Python client of the HTTP API. Must not import the command line, Redis, Celery or torch."""
