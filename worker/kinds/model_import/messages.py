"""The messages from the importing process to its supervisor, beside the common ones: one class each, lines of JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from worker.attempt.messages import Completed, Failed, Line, PhaseBegun, read_line


class BundleRead(Completed):
    """All files of the model but its manifest are in the folder."""

    kind: Literal["read"] = "read"
    name: str
    """Of the model in the service that exported it."""
    draft: dict[str, Any]
    """The manifest without what this service gives."""


_MESSAGES: TypeAdapter[PhaseBegun | BundleRead | Failed] = TypeAdapter(
    Annotated[PhaseBegun | BundleRead | Failed, Field(discriminator="kind")]
)


def read_message(line: bytes) -> Line | None:
    """Parse a message; None for a line that was cut short."""
    return read_line(_MESSAGES, line)
