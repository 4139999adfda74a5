"""Where bytes lie in a file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A range of bytes."""

    offset: int
    length: int
