"""Ids: opaque, prefixed, and in order of time, so that a list by id is a list by age."""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_RANDOM_BITS = 80

_lock = threading.Lock()
_last = 0


def _next_number() -> int:
    """48 bits of milliseconds, then 80 random ones; never smaller than the one before in this process."""
    global _last  # noqa: PLW0603  # ids made within one millisecond must still keep their order
    fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    with _lock:
        _last = max(fresh, _last + 1)
        return _last


def _new_id(prefix: str) -> str:
    number = _next_number()
    return prefix + "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))


def new_job_id() -> str:
    """Make the id of a job."""
    return _new_id("job_")


def new_model_id() -> str:
    """Make the id of a model; each attempt has one of its own."""
    return _new_id("mdl_")


def new_attempt_id() -> str:
    """Make the id of an attempt: the fence that every write of that attempt names."""
    return _new_id("att_")
