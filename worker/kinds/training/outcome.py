"""What to make of a trainer's end: one pure function, so that every way to die can be read in one place."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from worker.kinds.training.messages import Drained, Failed, Staged
from worker.kinds.training.out_of_memory import says_out_of_memory
from worker.kinds.training.running_trainer import End
from worker.queue.states import Outcome

QUOTED_LINES = 5
MAX_QUOTED = 800
"""Characters."""


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended, and what to say of it."""

    outcome: Outcome
    message: str = ""
    code: str = ""
    """Of the job's error, when the outcome is `failed`."""


def judge(end: End, last_lines: Sequence[str], *, was_killed_for_memory: bool) -> Verdict:
    """Judge by what matters most: whose job it is, then the trainer's last word, then how it died."""
    if end.killed in (Outcome.LEASE_LOST, Outcome.CANCELLED):
        return Verdict(end.killed)
    match end.last_word:
        case Staged():
            return Verdict(Outcome.SUCCEEDED)
        case Drained():
            return Verdict(Outcome.PAUSED if end.was_asked_to_pause else Outcome.DRAINED)
        case Failed(code=Outcome.OUT_OF_MEMORY, message=message):
            return Verdict(Outcome.OUT_OF_MEMORY, message)
        case Failed(code=code, message=message):
            return Verdict(Outcome.FAILED, message, code)
        case None:
            return _judge_death(end, last_lines, was_killed_for_memory=was_killed_for_memory)


def _judge_death(end: End, last_lines: Sequence[str], *, was_killed_for_memory: bool) -> Verdict:
    quoted = _quote(last_lines)
    if end.killed in (Outcome.DRAINED, Outcome.PAUSED):
        return Verdict(end.killed)
    if end.killed is Outcome.STALLED:
        return Verdict(Outcome.STALLED, f"The trainer said nothing for too long and was killed.{quoted}")
    if was_killed_for_memory or says_out_of_memory(last_lines):
        return Verdict(Outcome.OUT_OF_MEMORY, f"The trainer ran out of memory: use smaller batches.{quoted}")
    return Verdict(Outcome.CRASHED, f"The trainer {_how(end.exit_code)}.{quoted}")


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exited with status {exit_code} before its work was done"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-exit_code}"


def _quote(last_lines: Sequence[str]) -> str:
    """The end of the log, behind a sentence."""
    text = " | ".join(last_lines[-QUOTED_LINES:])[-MAX_QUOTED:]
    return f" Its last lines: {text}" if text else ""
