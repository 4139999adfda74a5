"""Computes the learning rate of each step. Knows no optimizer and imports no torch."""

import math
from dataclasses import dataclass
from typing import Protocol

from model.recipes.recipe import KERAS_TIME_DECAY, Decay, Recipe

_REWARMING_SHARE = 0.1
"""The share of a continuation in which its learning rate rises."""


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the number of batches of an epoch.

    Each epoch uses all images. The batch sizes of an epoch differ by at most one, so no last batch is tiny.
    """
    return math.ceil(images / batch_size)


class Schedule(Protocol):
    """A learning rate for every step of a training."""

    def learning_rate(self, progress: float, steps_made: int) -> float:
        """Return the learning rate of the next step.

        Args:
            progress: completed share of the training, 0 to below 1; with a time budget it follows the clock.
            steps_made: completed steps of the training.
        """
        ...


@dataclass(frozen=True)
class OneCycle:
    """Linear warm-up from near 0 to `peak`, then linear decay to `final_fraction * peak`.

    Smith and Topin, "Super-Convergence", arXiv 1708.07120; Page's "How to train your ResNet" uses this linear form.
    """

    peak: float
    total_steps: int
    warm_up_fraction: float
    """Share of all steps that the warm-up takes, 0 to 1."""
    final_fraction: float
    """Learning rate at the end, as a share of `peak`."""
    continued_at: float = 0.0
    """The progress at which a finished training is continued: the rate, which was near 0, rises again from there."""

    def learning_rate(self, progress: float, steps_made: int) -> float:  # noqa: ARG002 - the protocol's signature
        """Return the learning rate at this progress. The rate of the first and of the last step is above 0."""
        step = round(progress * self.total_steps)
        return self.peak * self._rise(step) * self._share_of_peak(step)

    def _share_of_peak(self, step: int) -> float:
        warm_up_steps = self.total_steps * self.warm_up_fraction
        if step < warm_up_steps:
            return (step + 1) / (warm_up_steps + 1)
        remaining = (self.total_steps - step) / (self.total_steps - warm_up_steps)
        return self.final_fraction + (1 - self.final_fraction) * remaining

    def _rise(self, step: int) -> float:
        """Return the factor by which a continued training re-warms, 0 to 1."""
        first = self.total_steps * self.continued_at
        rise_steps = (self.total_steps - first) * _REWARMING_SHARE
        return min(1.0, (step - first + 1) / (rise_steps + 1)) if first else 1.0


@dataclass(frozen=True)
class TimeDecay:
    """The `decay` option of the Keras SGD optimizer: the rate of step n is `initial / (1 + decay * n)`."""

    initial: float
    decay: float

    def learning_rate(self, progress: float, steps_made: int) -> float:  # noqa: ARG002 - the protocol's signature
        """Return the learning rate after `steps_made` steps, however many steps a time budget will allow."""
        return self.initial / (1 + self.decay * steps_made)


def make_schedule(recipe: Recipe, total_steps: int, continued_at: float = 0.0) -> Schedule:
    """Return the learning-rate schedule of a recipe for a training of `total_steps` steps.

    A training that is continued at some progress follows the schedule that one training of both lengths would have had
    from there on, after a short re-warming. Ibrahim et al. (arXiv 2403.08763) find that a finished training has to be
    re-warmed and decayed again to learn more, and that the height of the new peak decides how much it forgets at first.
    """
    if recipe.decay is Decay.KERAS_TIME:
        return TimeDecay(recipe.learning_rate, KERAS_TIME_DECAY)
    return OneCycle(
        recipe.learning_rate,
        total_steps,
        recipe.warm_up_fraction,
        recipe.final_fraction,
        continued_at,
    )
