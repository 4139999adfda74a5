"""The Celery app of a worker: it consumes the queues of its lanes, which carry wake-ups only."""

import signal
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning

from worker.queue.kind_keys import WAKE_UPS
from worker.queue.kinds import Lane
from worker.queue.wake_ups import TASK_NAME
from worker.redis_server.connection import broker_options, broker_tls, broker_url

CONNECT_TIMEOUT_S = 2.0


def make_app(redis_url: str) -> Celery:
    """Make an app that consumes wake-ups from this Redis; it connects when it starts."""
    app = Celery("ninefold", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        task_default_queue=WAKE_UPS[Lane.TRAINING],
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # A wake-up means nothing once it has arrived, so the broker need not keep it for redelivery.
        task_acks_late=False,
        # A busy worker reserves no second wake-up, also not after a reconnect to the broker. With a prefetch count beside
        # this, a wake-up that could not be acknowledged would count as unfinished for ever: the idle worker would
        # consume no more, and never notice that its connection broke.
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=0,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_max_retries=None,
        # Without this an error that Redis answers (READONLY, UNBLOCKED, OOM, BUSY) ends the worker.
        broker_channel_error_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=CONNECT_TIMEOUT_S,
        broker_use_ssl=broker_tls(redis_url) or False,
        broker_transport_options={
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "health_check_interval": 15,
            **broker_options(redis_url),
        },
    )
    return app


def make_worker(app: Celery, name: str, lanes: Sequence[Lane]) -> Any:
    """Make Celery's worker inside this process, so that its signals arrive as function calls."""

    class DrainingWorker(app.Worker):  # type: ignore[misc]  # Celery makes this class at run time
        def install_platform_tweaks(self, worker: Any) -> None:
            super().install_platform_tweaks(worker)
            # Celery would run the program again without ending the running item: handle SIGHUP like SIGTERM.
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))

    with warnings.catch_warnings():
        # Celery warns of running as root, because it may unpickle messages; this app accepts JSON only.
        warnings.simplefilter("ignore", SecurityWarning)
        return DrainingWorker(
            hostname=name,
            queues=[WAKE_UPS[lane] for lane in lanes],
            pool="threads",  # a shutdown then arrives as an event in this process, not as a signal to another
            concurrency=1,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )


def register_wake_up_task(app: Celery, on_wake_up: Callable[[], None]) -> None:
    """Have the app call `on_wake_up` for each wake-up."""

    def wake_up() -> None:
        on_wake_up()

    app.task(name=TASK_NAME, ignore_result=True)(wake_up)


def stop_consuming(celery_worker: Any, lanes: Sequence[Lane]) -> None:
    """Leave further wake-ups to other workers. The consumer may be changed on Celery's own thread only."""
    consumer = celery_worker.consumer
    for lane in lanes:
        consumer.call_soon(consumer.cancel_task_queue, WAKE_UPS[lane])
