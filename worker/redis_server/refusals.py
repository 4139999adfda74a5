"""The errors by which Redis says that it accepts no commands, or no writes, for now. Knows no operation of Ninefold."""

import redis

_ADVICE = {
    "OOM": "its memory is full: raise maxmemory, or delete jobs and models",
    "MISCONF": "it cannot write to its disk: make room or repair the disk, and read the log of Redis",
    "READONLY": "it is a replica: let REDIS_URL name the primary, or the Sentinels (sentinel://)",
    "NOREPLICAS": "too few replicas follow it: start them, or lower min-replicas-to-write",
    "MASTERDOWN": "it is a replica without its primary: start the primary, or let REDIS_URL name it",
    "LOADING": "it still loads its data: wait",
    "BUSY": "a script runs for too long in it: wait, or end the script with SCRIPT KILL",
}
"""What is wrong and what to do, by the word with which Redis begins its error."""

WRITE_PROBE = "#!lua\nreturn 1"
"""A script that writes nothing. Redis refuses it whenever it refuses writes, because nothing declares it read-only."""


_WRITES_ALONE = frozenset(("OOM", "MISCONF", "READONLY", "NOREPLICAS"))
"""With these words Redis refuses writes; with the others every command, also the repetition of one that it has applied."""


def refusal_of(error: redis.RedisError) -> str | None:
    """Return the word with which Redis refused a command for now, such as `READONLY`; None for every other error."""
    # redis-py puts the failed command of a transaction before Redis's own words.
    reason = error.status_code or str(error).rpartition("caused error: ")[2]
    return next((word for word in _ADVICE if reason.startswith(word)), None)


def changed_nothing(refusal: str) -> bool:
    """Return whether a call that ended in this refusal was certainly not applied, although redis-py may have repeated it."""
    return refusal in _WRITES_ALONE


def explain(refusal: str) -> str:
    """Say which refusal it is, and what to do."""
    what = "writes" if refusal in _WRITES_ALONE else "commands"
    return f"Redis refuses {what} ({refusal}), because {_ADVICE[refusal]}."
