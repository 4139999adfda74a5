"""The messages from the classifying process to its supervisor, beside the common ones: one class each, lines of JSON."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from worker.attempt.messages import Completed, Failed, Line, PhaseBegun, read_line
from worker.queue.records import PredictionProgress, PredictionResult


class PartStored(Line):
    """The rows of some more images are in storage."""

    kind: Literal["progress"] = "progress"
    progress: PredictionProgress


class AllPredicted(Completed):
    """The rows of all images are in storage."""

    kind: Literal["predicted"] = "predicted"
    result: PredictionResult


_MESSAGES: TypeAdapter[PhaseBegun | PartStored | AllPredicted | Failed] = TypeAdapter(
    Annotated[PhaseBegun | PartStored | AllPredicted | Failed, Field(discriminator="kind")]
)


def read_message(line: bytes) -> Line | None:
    """Parse a message; None for a line that was cut short."""
    return read_line(_MESSAGES, line)
