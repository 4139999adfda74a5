"""The messages from the import process to its supervisor, beside the common ones: one class each, lines of JSON."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from model.data.record import DatasetRecord
from worker.attempt.messages import Completed, Failed, Line, PhaseBegun, read_line
from worker.queue.records import ImportProgress


class FilesRead(Line):
    """The progress of reading, sent at most once a second."""

    kind: Literal["progress"] = "progress"
    progress: ImportProgress


class DatasetWritten(Completed):
    """All files of the dataset are in the output folder."""

    kind: Literal["written"] = "written"
    record: DatasetRecord


_MESSAGES: TypeAdapter[PhaseBegun | FilesRead | DatasetWritten | Failed] = TypeAdapter(
    Annotated[PhaseBegun | FilesRead | DatasetWritten | Failed, Field(discriminator="kind")]
)


def read_message(line: bytes) -> Line | None:
    """Parse a message; None for a line that was cut short."""
    return read_line(_MESSAGES, line)
