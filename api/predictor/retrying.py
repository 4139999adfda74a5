"""When a refused caller should come again."""

import math
import random

_MAX_RETRY_S = 60


def retry_after(wait_s: float) -> int:
    """Return the seconds until what waits now is done, and up to half as many more: callers return one by one."""
    spread = random.uniform(1, 1.5)  # noqa: S311  # no secret
    return min(_MAX_RETRY_S, math.ceil(max(1.0, wait_s) * spread))
