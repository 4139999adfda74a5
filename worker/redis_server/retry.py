"""How to ask a store that may be away: again and again, for as long as waiting makes sense."""

import time
from collections.abc import Callable
from typing import TypeVar

from worker.errors import StoreUnavailableError

ASK_AGAIN_AFTER_S = 0.25

T = TypeVar("T")


def insist(ask: Callable[[], T], may_wait: Callable[[], bool]) -> T:
    """Ask until there is an answer.

    Raises:
        StoreUnavailableError: there was none, and `may_wait` says to wait no longer.
    """
    while True:
        try:
            return ask()
        except StoreUnavailableError:
            if not may_wait():
                raise
            time.sleep(ASK_AGAIN_AFTER_S)
