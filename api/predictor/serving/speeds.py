"""Measures how long the images of each queue take. Knows no requests."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

_NEWEST_WEIGHT = 1 / 64
"""The weight of one image in the average: a full batch replaces about two thirds of it."""
_MOST_QUEUES = 1000


class Kind(Enum):
    """What a queue waits for: a decoding thread, a decoding child, or the thread that explains."""

    SMALL = auto()
    LARGE = auto()
    EXPLAINED = auto()


_FIRST_GUESSES = {Kind.SMALL: 1, Kind.LARGE: 5, Kind.EXPLAINED: 20}
"""How many times as long as a small image others are assumed to take until one is measured."""


@dataclass(frozen=True)
class Queue:
    """Requests of one kind for one model."""

    model: str
    kind: Kind = Kind.SMALL


@dataclass
class _Average:
    own_s: float = 0.0
    infer_s: float = 0.0
    images: int = 0

    def add(self, own_s: float, infer_s: float) -> None:
        """Include an image: the mean of the first images, and an exponential moving average from then on."""
        self.images += 1
        weight = max(_NEWEST_WEIGHT, 1 / self.images)
        self.own_s += weight * (own_s - self.own_s)
        self.infer_s += weight * (infer_s - self.infer_s)


class QueueSpeeds:
    """Seconds of the machine that an image takes, for each of the queues that were used last."""

    def __init__(self, *, initial_image_s: float = 0.01) -> None:
        """`initial_image_s` is assumed for small images until the first one of any model is measured."""
        self._averages: OrderedDict[Queue, _Average] = OrderedDict()
        self._newest = {
            kind: _Average((times - 1) * initial_image_s, initial_image_s)
            for kind, times in _FIRST_GUESSES.items()
        }

    def add_image(self, queue: Queue, own_s: float, infer_s: float) -> None:
        """Include one image of a queue.

        Args:
            queue: in which the image waited.
            own_s: how long it occupied what only images of its kind wait for.
            infer_s: how long it occupied the inference thread, for which all images wait.
        """
        average = self._averages.setdefault(queue, _Average())
        average.add(own_s, infer_s)
        self._newest[queue.kind] = average
        self._averages.move_to_end(queue)
        if len(self._averages) > _MOST_QUEUES:
            self._averages.popitem(last=False)

    def image_s(self, queue: Queue) -> float:
        """Return the seconds for an image of a queue.

        A new queue has no measurement yet, so the last one of its kind counts: a new version of a model in production
        most likely takes as long as the version before.
        """
        average = self._average(queue)
        return average.own_s + average.infer_s

    def infer_s(self, queue: Queue) -> float:
        """Return the part of `image_s` for which images of other queues wait, too."""
        return self._average(queue).infer_s

    def _average(self, queue: Queue) -> _Average:
        return self._averages.get(queue, self._newest[queue.kind])
