"""The processes of `ninefold up` on one machine. Must not import the command line, Celery or torch.

`redis_check` alone imports redis: to ping a Redis server and to shut down a leftover one.
"""
