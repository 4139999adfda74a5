"""How many files and sockets this process may have open, and how many of them may be streams; knows no HTTP."""

import resource

_KEPT_FREE = 256
"""For requests, for Redis, for files."""


def raise_limit() -> None:
    """Take all that the system allows: the usual 1,024, or macOS's 256, is too few for a thousand streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS names a hard limit that it does not grant
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_240)), hard))


def most_streams() -> int:
    """So many streams leave enough for all else."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 2**31
    return max(limit - _KEPT_FREE, limit // 2)
