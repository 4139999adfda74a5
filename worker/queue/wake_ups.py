"""Rings for workers: a Celery message that says "there may be work", sent at best effort and never relied on."""

import logging
import queue
import threading

from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from worker.redis_server.connection import broker_url
from worker.redis_server.keys import BELL

TASK_NAME = "worker.drain_queue"
TIMEOUT_S = 1.0

_MOST_WAITING = 64
# Without these kombu tries to connect for ever, whatever `retry=False` says.
_FAIL_FAST = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_timeout": TIMEOUT_S,
    "socket_connect_timeout": TIMEOUT_S,
}
_log = logging.getLogger(__name__)


class Bell:
    """Rings from a thread of its own, so that nobody waits for it; what it misses a reaper rings again."""

    def __init__(self, redis_url: str) -> None:
        self._app = Celery("ninefold", set_as_current=False)
        self._connection = Connection(broker_url(redis_url), transport_options=_FAIL_FAST)
        self._asked: queue.Queue[bool] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._ring_when_asked, name="bell", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Ask for one ring; returns at once and never raises."""
        try:
            self._asked.put_nowait(True)
        except queue.Full:
            _log.debug("so many rings wait already that one more says nothing new")

    def close(self) -> None:
        """Ring what was asked for, then end; takes a second at most."""
        self._asked.put(False)
        self._thread.join(2 * TIMEOUT_S)

    def _ring_when_asked(self) -> None:
        with self._connection:
            while self._asked.get():
                self._send()

    def _send(self) -> None:
        try:
            self._app.send_task(
                TASK_NAME, queue=BELL, retry=False, ignore_result=True, connection=self._connection
            )
        except OperationalError as error:
            _log.warning("the bell was not rung, a reaper will: %s", error)
            self._forget_asked()

    def _forget_asked(self) -> None:
        """Drop the rings that wait: with Redis away each would cost its timeout. A wish to end stays."""
        while not self._asked.empty():
            if not self._asked.get_nowait():
                self._asked.put_nowait(False)
                return
