"""Retries a call while Redis is unreachable.

The library stamina is not used: it would need as many lines, and would log a warning for each of four retries a second.
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
