"""The clock of leases: it counts on while the machine is suspended, so that a lease ends during the suspension too.

Processes of one machine may compare its values.
"""

import time

# Linux's CLOCK_MONOTONIC stands still in suspend, and so does Python's `time.monotonic` on macOS; macOS's
# CLOCK_MONOTONIC does not (man 3 clock_gettime).
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return the seconds since some moment in the past, those of suspension included."""
    return time.clock_gettime(_CLOCK)
