"""The limit of open files and sockets of this process, and how many connections fit in it. Knows no HTTP."""

import resource

_RESERVED_FILES = 256
"""Kept for other requests, Redis connections and files."""
_MOST_CONNECTIONS = 20_000


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


def max_connections() -> int:
    """Return how many clients may be connected: those of all event streams, and half of the files that are left."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    streams = max_event_streams()
    if limit == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return min(_MOST_CONNECTIONS, streams + (limit - streams) // 2)
