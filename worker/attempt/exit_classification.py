"""Decides how an attempt ended from how its child process exited: one pure function for every way it can exit."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from worker.attempt.messages import Completed, DrainCompleted, Failed, FinalMessage
from worker.attempt.out_of_memory import mentions_out_of_memory
from worker.queue.states import Outcome

QUOTED_LINES = 5
MAX_QUOTED_CHARACTERS = 800
_MEMORY_ADVICE = {
    "trainer": "use smaller batches",
    "import": "use smaller images, or fewer in one zip",
    "evaluation": "evaluate on fewer images, or where there is more memory",
    "batch prediction": "use smaller images, or classify where there is more memory",
}


@dataclass(frozen=True)
class ChildExit:
    """How the child process of an attempt exited."""

    killed_for: Outcome | None
    """Why the worker killed the child; None when it did not."""
    was_asked_to_pause: bool
    final_message: FinalMessage | None
    exit_code: int
    work: str
    """What the child does, such as `trainer`, for messages."""


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, as the record shall say."""

    outcome: Outcome
    message: str = ""
    error_code: str = ""
    """Code of the item's error when the outcome is `failed`."""


def classify_exit(
    child_exit: ChildExit, last_lines: Sequence[str], *, was_killed_for_memory: bool
) -> AttemptEnd:
    """Classify an exit: first who holds the item, then the child's final message, then how the process died.

    Args:
        child_exit: how the child exited.
        last_lines: the end of the child's log, to be quoted.
        was_killed_for_memory: whether the kernel killed a process of this control group for memory meanwhile.
    """
    if child_exit.killed_for in (Outcome.LEASE_LOST, Outcome.CANCELLED):
        return AttemptEnd(child_exit.killed_for)
    match child_exit.final_message:
        case Completed():
            return AttemptEnd(Outcome.SUCCEEDED)
        case DrainCompleted():
            return AttemptEnd(Outcome.PAUSED if child_exit.was_asked_to_pause else Outcome.DRAINED)
        case Failed(code=Outcome.OUT_OF_MEMORY, message=message):
            return AttemptEnd(Outcome.OUT_OF_MEMORY, message)
        case Failed(code=code, message=message):
            return AttemptEnd(Outcome.FAILED, message, code)
        case None:
            return _classify_death(child_exit, last_lines, was_killed_for_memory=was_killed_for_memory)


def _classify_death(
    child_exit: ChildExit, last_lines: Sequence[str], *, was_killed_for_memory: bool
) -> AttemptEnd:
    quoted = _quote(last_lines)
    if child_exit.killed_for in (Outcome.DRAINED, Outcome.PAUSED):
        return AttemptEnd(child_exit.killed_for)
    if child_exit.killed_for is Outcome.STALLED:
        return AttemptEnd(
            Outcome.STALLED, f"The {child_exit.work} sent no message for too long and was killed.{quoted}"
        )
    if was_killed_for_memory or mentions_out_of_memory(last_lines):
        return AttemptEnd(
            Outcome.OUT_OF_MEMORY,
            f"The {child_exit.work} ran out of memory: {_MEMORY_ADVICE[child_exit.work]}.{quoted}",
        )
    return AttemptEnd(
        Outcome.CRASHED, f"The {child_exit.work} {_describe_death(child_exit.exit_code)}.{quoted}"
    )


def _describe_death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exited with status {exit_code} before its work was done"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-exit_code}"


def _quote(last_lines: Sequence[str]) -> str:
    """Return the end of the log as a sentence to append to a message; empty without a log."""
    text = " | ".join(last_lines[-QUOTED_LINES:])[-MAX_QUOTED_CHARACTERS:]
    return f" Its last lines: {text}" if text else ""
