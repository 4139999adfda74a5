"""The messages from the evaluating process to its supervisor, beside the common ones: one class each, lines of JSON."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from worker.attempt.messages import Completed, Failed, Line, PhaseBegun, read_line
from worker.queue.records import EvaluationProgress, EvaluationResult


class ImagesPredicted(Line):
    """The progress of predicting, sent at most once a second."""

    kind: Literal["progress"] = "progress"
    progress: EvaluationProgress


class Evaluated(Completed):
    """The predictions and the evaluation are in storage."""

    kind: Literal["evaluated"] = "evaluated"
    result: EvaluationResult


_MESSAGES: TypeAdapter[PhaseBegun | ImagesPredicted | Evaluated | Failed] = TypeAdapter(
    Annotated[PhaseBegun | ImagesPredicted | Evaluated | Failed, Field(discriminator="kind")]
)


def read_message(line: bytes) -> Line | None:
    """Parse a message; None for a line that was cut short."""
    return read_line(_MESSAGES, line)
