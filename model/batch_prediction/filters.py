"""Which rows somebody wants to see, and in which order. Needs no numpy."""

from dataclasses import dataclass
from enum import StrEnum


class RowStatus(StrEnum):
    """Whether a file was classified."""

    OK = "ok"
    ERROR = "error"


class RowOrder(StrEnum):
    """The order of rows; files with an error are the last in an order by score."""

    INDEX = "index"
    """That of the images."""
    LOWEST = "lowest"
    """The lowest score first: what the model is least sure of."""
    HIGHEST = "highest"
    """The highest score first."""


@dataclass(frozen=True)
class RowFilter:
    """The rows that match all that is not None."""

    label: str | None = None
    below: float | None = None
    """The score is below it; a file with an error has no score."""
    above: float | None = None
    """The score is at least it."""
    status: RowStatus | None = None
    abstained: bool | None = None
