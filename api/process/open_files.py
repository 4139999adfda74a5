"""The limit of open files and sockets of this process, and how many event streams fit in it. Knows no HTTP."""

import resource

_RESERVED_FILES = 256
"""Kept for other requests, Redis connections and files."""


def raise_limit() -> None:
    """Raise the soft limit to the hard limit: the usual 1,024 (macOS: 256) is too few for a thousand streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS reports a hard limit that setrlimit then refuses
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_240)), hard))


def max_event_streams() -> int:
    """Return how many event streams may be open while enough files remain for other work."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 2**31
    return max(limit - _RESERVED_FILES, limit // 2)
