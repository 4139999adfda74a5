"""Steps, and the learning rate as a pure function of the step; it knows no optimizer."""

import math
from dataclasses import dataclass
from typing import Protocol

from model.recipes.recipe import KERAS_TIME_DECAY, Decay, Recipe


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches of an epoch: all images, in batches of sizes that differ by one at most, so none is tiny."""
    return math.ceil(images / batch_size)


class Schedule(Protocol):
    """What the loop asks before each step."""

    def learning_rate(self, step: int) -> float:
        """The rate of the step with this number, counted from 0 over the whole run."""
        ...


@dataclass(frozen=True)
class OneCycle:
    """Straight up to the peak, straight down to a floor."""

    peak: float
    total_steps: int
    warm_up_fraction: float
    final_fraction: float
    """The floor, as a share of the peak."""

    def learning_rate(self, step: int) -> float:
        """Never 0, so that the first and the last step count too."""
        warm_up_steps = self.total_steps * self.warm_up_fraction
        if step < warm_up_steps:
            return self.peak * (step + 1) / (warm_up_steps + 1)
        left = (self.total_steps - step) / (self.total_steps - warm_up_steps)
        return self.peak * (self.final_fraction + (1 - self.final_fraction) * left)


@dataclass(frozen=True)
class TimeDecay:
    """Keras's `decay`: the rate divided by 1 + decay · step."""

    initial: float
    decay: float

    def learning_rate(self, step: int) -> float:
        """Falls forever, slowly."""
        return self.initial / (1 + self.decay * step)


def make_schedule(recipe: Recipe, total_steps: int) -> Schedule:
    """The learning rate of each step of a run."""
    if recipe.decay is Decay.KERAS_TIME:
        return TimeDecay(recipe.learning_rate, KERAS_TIME_DECAY)
    return OneCycle(recipe.learning_rate, total_steps, recipe.warm_up_fraction, recipe.final_fraction)
