"""Which images of an evaluation are wanted, and what is answered for each. Imports no numpy."""

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """The order of images by the probability of their label."""

    WORST = "worst"
    """The lowest first: the surest mistakes."""
    BEST = "best"


@dataclass(frozen=True)
class ImageQuery:
    """Which images are wanted, by class numbers; None leaves out no image."""

    label: int | None = None
    predicted: int | None = None
    order: Order = Order.WORST


@dataclass(frozen=True)
class ImageResult:
    """What a model answers for one image."""

    image: str
    label: str
    predicted: str
    score: float
    label_score: float
    label_rank: int


class NoSuchResultError(Exception):
    """Raised when no wanted image has an id."""
