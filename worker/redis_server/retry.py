"""Retries a call while Redis is unreachable.

Not stamina: its retry needs as many lines here, and logs a warning for each of the four retries a second.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from worker.errors import StoreUnavailableError

RETRY_EVERY_S = 0.25

T = TypeVar("T")


def retry_while_unavailable(call: Callable[[], T], may_retry: Callable[[], bool]) -> T:
    """Repeat `call` every 0.25 s until Redis answers. Every other error is raised at once.

    Raises:
        StoreUnavailableError: Redis did not answer, and `may_retry` returned False.
    """
    while True:
        try:
            return call()
        except StoreUnavailableError:
            if not may_retry():
                raise
            time.sleep(RETRY_EVERY_S)
