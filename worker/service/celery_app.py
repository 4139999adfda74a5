"""The Celery app of a worker: one queue that carries doorbells alone, with the settings that keep it honest."""

import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning

from worker.redis_server.connection import broker_url
from worker.redis_server.keys import WAKE_UPS

CONNECT_TIMEOUT_S = 2.0


def make_app(redis_url: str) -> Celery:
    """Make an app that hears bells over this Redis; it connects when it starts."""
    app = Celery("ninefold", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        task_default_queue=WAKE_UPS,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        # Without it a busy worker reserves a second bell after each reconnect to the broker.
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_transport_options={
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "health_check_interval": 15,
        },
    )
    return app


def make_worker(app: Celery, name: str) -> Any:
    """Make Celery's worker in this very process, so that its signals reach us as function calls."""
    with warnings.catch_warnings():
        # Celery fears for root when messages are unpickled; ours never are.
        warnings.simplefilter("ignore", SecurityWarning)
        return app.Worker(
            hostname=name,
            pool="threads",  # one thread: a shutdown is an event in this process, not a signal to another
            concurrency=1,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
