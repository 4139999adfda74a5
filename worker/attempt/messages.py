"""The messages between a supervisor and its child process that every kind of work has: lines of JSON, never pickled."""

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from worker.queue.states import Phase

PROGRESS_EVERY_S = 1.0
"""A child process reports its progress at most this often."""


class Line(BaseModel):
    """A command or a message; one line of JSON."""

    model_config = ConfigDict(frozen=True)


class PhaseBegun(Line):
    """The child entered a new phase."""

    kind: Literal["phase"] = "phase"
    phase: Phase


class Completed(Line):
    """The child's work is done; each kind adds what its supervisor needs to record it."""


class DrainCompleted(Line):
    """The child exits as commanded; it reported its checkpoint before."""

    kind: Literal["drained"] = "drained"


class Failed(Line):
    """The work failed, and another attempt would fail too; only `out_of_memory` may succeed with smaller micro-batches."""

    kind: Literal["failed"] = "failed"
    code: str
    message: str


M = TypeVar("M", bound=Line)
FinalMessage = Completed | DrainCompleted | Failed


def write_line(line: Line) -> bytes:
    """Return a command or message as one line of JSON, with its newline."""
    return line.model_dump_json().encode() + b"\n"


def read_line(messages: TypeAdapter[M], line: bytes) -> M | None:
    """Parse one of a kind's messages; None for a line that was cut short because the child died while writing."""
    try:
        return messages.validate_json(line)
    except ValidationError:
        if line.endswith(b"\n"):
            raise
        return None
