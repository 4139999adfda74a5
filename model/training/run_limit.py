"""How far a run is, and when it is over: by its steps or, where the spec sets a time budget, by the clock."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

_LEAST_SHARE = 0.1
"""Of a budget, for training: the rest may go into scoring and publishing."""
_PUBLISH_S = 1.0
_FORWARD_SHARE = 0.4
"""Of a training step, to score as many images: what a first, small, cold scoring takes says less. A third of the
arithmetic, and on CPUs without the convolutions that are faster in training."""


class Pace(Protocol):
    """What the loop asks before each step."""

    def progress(self, epoch: int, step: int) -> float:
        """How much of the run is done after so many epochs and steps of the next: 0 to 1."""
        ...

    def is_over(self, epoch: int, step: int) -> bool:
        """Whether no further step is to be made."""
        ...

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """Seconds to the end of the last step."""
        ...


@dataclass(frozen=True)
class EpochLimit:
    """So many epochs of so many steps."""

    epochs: int
    steps: int
    left: Callable[[float], float] = lambda progress: 1 - progress
    """What is left in time, as a share of all steps at the next one's speed; small images are fast."""

    def progress(self, epoch: int, step: int) -> float:
        """By the steps alone."""
        return (epoch * self.steps + step) / (self.epochs * self.steps)

    def is_over(self, epoch: int, step: int) -> bool:  # noqa: ARG002 - the pace's shape
        """After the last epoch."""
        return epoch >= self.epochs

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """At the speed of the last steps."""
        return self.left(self.progress(epoch, step)) * self.epochs * self.steps * step_s


def downtime_s(left_at: float, now: float, pauses: Sequence[tuple[float, float]]) -> float:
    """Of a budget, between a checkpoint and going on from it: all that time but when the job was paused.

    Args:
        left_at: Unix time; 0 where nothing was lost.
        now: Unix time.
        pauses: from when to when, Unix time.
    """
    if not left_at:
        return 0.0
    paused_s = sum(max(0.0, min(end, now) - max(begin, left_at)) for begin, end in pauses)
    return max(0.0, now - left_at - paused_s)


class TimeLimit:
    """Whichever comes first: the epochs, or the time.

    The schedule follows the clock, not a forecast: a machine that becomes slower later still ends in time, with its
    learning rate at the floor.
    """

    def __init__(self, by_steps: EpochLimit, budget_s: float, scored_images: int, used_s: float) -> None:
        """Begin now.

        Args:
            by_steps: the most that is done.
            budget_s: from the first step to publishing.
            scored_images: forward passes after the last step.
            used_s: of the budget, by earlier attempts.
        """
        self._by_steps, self._budget_s, self._scored_images = by_steps, budget_s, scored_images
        self._began_at = time.monotonic() - used_s
        self._step_s = 0.0
        self._is_late = False
        self._forward_by_step_s = self._forward_by_scoring_s = math.inf

    @property
    def used_s(self) -> float:
        """Of the budget."""
        return time.monotonic() - self._began_at

    def note_step(self, seconds: float, images: int) -> None:
        """Take in how long a step took."""
        self._step_s = seconds if not self._step_s else 0.8 * self._step_s + 0.2 * seconds
        self._forward_by_step_s = self._step_s / images * _FORWARD_SHARE

    def note_scoring(self, seconds: float, images: int) -> None:
        """Take in how long it took to score so many images."""
        self._forward_by_scoring_s = seconds / images

    def progress(self, epoch: int, step: int) -> float:
        """By the clock or by the steps, whichever is further."""
        return min(1.0, max(self.used_s / self._training_s, self._by_steps.progress(epoch, step)))

    def is_over(self, epoch: int, step: int) -> bool:
        """When one more step would end later than the budget by more than half of itself; one step is always made."""
        # Once late, always late: the estimate of the time for scoring may yet change.
        self._is_late = self._is_late or self.used_s + self._step_s / 2 > self._training_s
        return self._by_steps.is_over(epoch, step) or (self._is_late and (epoch, step) != (0, 0))

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """What is left of the time, or of the steps."""
        return max(0.0, min(self._training_s - self.used_s, self._by_steps.eta_s(epoch, step, step_s)))

    @property
    def _training_s(self) -> float:
        forward_s = min(self._forward_by_step_s, self._forward_by_scoring_s)
        rest_s = _PUBLISH_S + (forward_s * self._scored_images if math.isfinite(forward_s) else 0.0)
        return max(self._budget_s - rest_s, self._budget_s * _LEAST_SHARE)
