"""Sends wake-ups to workers: Celery messages that mean "an item may be queued in this lane". A lost one does no harm."""

import logging
import queue
import threading

from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from worker.queue.kind_keys import WAKE_UPS
from worker.queue.kinds import Lane
from worker.redis_server.connection import broker_options, broker_tls, broker_url

TASK_NAME = "worker.drain_queue"
TIMEOUT_S = 1.0

_MAX_PENDING = 64
# Without these options kombu tries to connect for ever, even with `retry=False`.
_FAIL_FAST = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_timeout": TIMEOUT_S,
    "socket_connect_timeout": TIMEOUT_S,
}
_log = logging.getLogger(__name__)


class WakeUpSender:
    """Sends wake-ups from its own thread, so that no caller waits. A reaper replaces the wake-ups that fail."""

    def __init__(self, redis_url: str) -> None:
        self._app = Celery("ninefold", set_as_current=False)
        self._connection = Connection(
            broker_url(redis_url),
            ssl=broker_tls(redis_url) or False,
            transport_options=_FAIL_FAST | broker_options(redis_url),
        )
        self._pending: queue.Queue[Lane | None] = queue.Queue(_MAX_PENDING)
        """The lane of each wake-up to send; None to end the thread."""
        self._thread = threading.Thread(target=self._send_pending, name="wake-ups", daemon=True)
        self._thread.start()

    def send(self, lane: Lane = Lane.TRAINING) -> None:
        """Request one wake-up for the workers of a lane; returns at once and never raises."""
        try:
            self._pending.put_nowait(lane)
        except queue.Full:
            _log.debug("%s wake-ups are pending already: one more is not needed", _MAX_PENDING)

    def close(self) -> None:
        """Send the pending wake-ups, then end the thread; takes two seconds at most."""
        self._pending.put(None)
        self._thread.join(2 * TIMEOUT_S)

    def _send_pending(self) -> None:
        with self._connection:
            while lane := self._pending.get():
                self._send_one(lane)

    def _send_one(self, lane: Lane) -> None:
        try:
            self._app.send_task(
                TASK_NAME,
                queue=WAKE_UPS[lane],
                retry=False,
                ignore_result=True,
                connection=self._connection,
            )
        except OperationalError as error:
            _log.warning("could not send a wake-up, a reaper will send one: %s", error)
            self._drop_pending()

    def _drop_pending(self) -> None:
        """Drop the pending wake-ups: each would take its whole timeout. Keep the None that ends the thread."""
        while not self._pending.empty():
            if self._pending.get_nowait() is None:
                self._pending.put_nowait(None)
                return
