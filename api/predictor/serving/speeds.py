"""Measures how long each model takes for an image. Knows no queue."""

from collections import OrderedDict
from dataclasses import dataclass

_NEWEST_WEIGHT = 1 / 64
"""Of one image, so that a full batch replaces about two thirds of what was known."""
_MOST_MODELS = 1000


@dataclass
class _Average:
    seconds: float = 0.0
    images: int = 0

    def add(self, seconds: float) -> None:
        """Include an image: the mean of the first images, and an exponential moving average from then on."""
        self.images += 1
        self.seconds += max(_NEWEST_WEIGHT, 1 / self.images) * (seconds - self.seconds)


class ModelSpeeds:
    """Seconds of the machine that an image takes, decoding included, for each of the models that were used last."""

    def __init__(self, *, initial_image_s: float = 0.01) -> None:
        """`initial_image_s` is assumed until the first image of any model."""
        self._averages: OrderedDict[str, _Average] = OrderedDict()
        self._newest = _Average(initial_image_s, images=1)

    def add_image(self, model: str, seconds: float) -> None:
        """Include one image of a model."""
        self._newest = self._averages.setdefault(model, _Average())
        self._newest.add(seconds)
        self._averages.move_to_end(model)
        if len(self._averages) > _MOST_MODELS:
            self._averages.popitem(last=False)

    def image_s(self, model: str) -> float:
        """Return the seconds for an image of a model; of a new one, those of the model that was measured last.

        A new version of a model in production most likely takes as long as the version before.
        """
        return self._averages.get(model, self._newest).seconds
