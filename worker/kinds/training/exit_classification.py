"""Decides how an attempt ended from how its trainer exited: one pure function for every way in which it can exit."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from worker.kinds.training.messages import DrainCompleted, Failed, FinalMessage, Staged
from worker.kinds.training.out_of_memory import mentions_out_of_memory
from worker.queue.states import Outcome

QUOTED_LINES = 5
MAX_QUOTED_CHARACTERS = 800


@dataclass(frozen=True)
class TrainerExit:
    """How the trainer of an attempt exited."""

    killed_for: Outcome | None
    """Why the worker killed the trainer; None when it did not."""
    was_asked_to_pause: bool
    final_message: FinalMessage | None
    exit_code: int
    has_trained: bool


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, as the job record shall say."""

    outcome: Outcome
    message: str = ""
    error_code: str = ""
    """Code of the job's error when the outcome is `failed`."""


def classify_exit(
    trainer_exit: TrainerExit, last_lines: Sequence[str], *, was_killed_for_memory: bool
) -> AttemptEnd:
    """Classify an exit: first who holds the job, then the trainer's final message, then how the process died.

    Args:
        trainer_exit: how the trainer exited.
        last_lines: the end of the trainer's log, to be quoted.
        was_killed_for_memory: whether the kernel's out-of-memory killer struck in this control group meanwhile.
    """
    if trainer_exit.killed_for in (Outcome.LEASE_LOST, Outcome.CANCELLED):
        return AttemptEnd(trainer_exit.killed_for)
    match trainer_exit.final_message:
        case Staged():
            return AttemptEnd(Outcome.SUCCEEDED)
        case DrainCompleted():
            return AttemptEnd(Outcome.PAUSED if trainer_exit.was_asked_to_pause else Outcome.DRAINED)
        case Failed(code=Outcome.OUT_OF_MEMORY, message=message):
            return AttemptEnd(Outcome.OUT_OF_MEMORY, message)
        case Failed(code=code, message=message):
            return AttemptEnd(Outcome.FAILED, message, code)
        case None:
            return _classify_death(trainer_exit, last_lines, was_killed_for_memory=was_killed_for_memory)


def _classify_death(
    trainer_exit: TrainerExit, last_lines: Sequence[str], *, was_killed_for_memory: bool
) -> AttemptEnd:
    quoted = _quote(last_lines)
    if trainer_exit.killed_for in (Outcome.DRAINED, Outcome.PAUSED):
        return AttemptEnd(trainer_exit.killed_for)
    if trainer_exit.killed_for is Outcome.STALLED:
        return AttemptEnd(
            Outcome.STALLED, f"The trainer sent no message for too long and was killed.{quoted}"
        )
    if was_killed_for_memory or mentions_out_of_memory(last_lines):
        return AttemptEnd(
            Outcome.OUT_OF_MEMORY, f"The trainer ran out of memory: use smaller batches.{quoted}"
        )
    return AttemptEnd(Outcome.CRASHED, f"The trainer {_describe_death(trainer_exit.exit_code)}.{quoted}")


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
