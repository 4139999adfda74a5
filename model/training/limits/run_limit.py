"""Decides how far a training has progressed and when it ends: after its epochs or when a time budget is used up."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

_MIN_TRAINING_SHARE = 0.1
"""Least share of a time budget that is spent on training, however long evaluation and publishing take."""
_PUBLISH_S = 1.0
"""Seconds reserved for publishing."""
_FORWARD_SHARE = 0.4
"""Time to evaluate an image as a share of the time to train on it: a third of the arithmetic, and on CPUs without the
Winograd convolutions that only training uses. Needed because the first evaluation, small and cold, is slower per image."""


class RunLimit(Protocol):
    """The end of a training. A position is (completed epochs, completed steps of the next epoch)."""

    def progress(self, epoch: int, step: int) -> float:
        """Return the completed share of the training at a position, 0 to 1."""
        ...

    def is_over(self, epoch: int, step: int) -> bool:
        """Whether the training ends at this position."""
        ...

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """Estimate the seconds to the end of the last step, if the next step takes `step_s`."""
        ...


@dataclass(frozen=True)
class EpochLimit:
    """Ends a training after a number of epochs."""

    epochs: int
    steps_per_epoch: int
    remaining_time: Callable[[float], float] = lambda progress: 1 - progress
    """Remaining time as a function of progress, in units of (total steps x duration of the next step); see
    `model.recipes.progressive_resizing.remaining_time`."""

    def progress(self, epoch: int, step: int) -> float:
        """Return the completed share of all steps."""
        return (epoch * self.steps_per_epoch + step) / self._total_steps

    def is_over(self, epoch: int, step: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """Whether all epochs are completed."""
        return epoch >= self.epochs

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """Estimate the remaining seconds from the duration of a step."""
        return self.remaining_time(self.progress(epoch, step)) * self._total_steps * step_s

    @property
    def _total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch


def downtime_s(interrupted_at: float, now: float, pauses: Sequence[tuple[float, float]]) -> float:
    """Return the seconds of a time budget that passed between a crash's last checkpoint and now, without pauses.

    Args:
        interrupted_at: Unix time of the checkpoint; 0 if the training ended in order, so no downtime counts.
        now: Unix time.
        pauses: start and end of each pause of the job, Unix time.
    """
    if not interrupted_at:
        return 0.0
    paused_s = sum(max(0.0, min(end, now) - max(start, interrupted_at)) for start, end in pauses)
    return max(0.0, now - interrupted_at - paused_s)


class TimeLimit:
    """Ends a training after a number of epochs or when its time budget is used up, whichever comes first.

    Progress, and with it the learning-rate schedule, follows the clock instead of a forecast of the number of steps. So a
    machine that becomes slower still ends in time, with the learning rate at its final value.
    """

    def __init__(
        self,
        epoch_limit: EpochLimit,
        budget_s: float,
        scored_images: int,
        used_s: float,
        *,
        first_progress: float = 0.0,
    ) -> None:
        """Start the clock.

        Args:
            epoch_limit: the largest number of epochs.
            budget_s: seconds from the first step to the published model.
            scored_images: number of forward passes needed after the last step.
            used_s: seconds of the budget that earlier attempts used.
            first_progress: the progress when nothing of the budget was used: above 0 where another training is continued.
        """
        self._first_progress = first_progress
        self._epoch_limit, self._budget_s, self._scored_images = epoch_limit, budget_s, scored_images
        self._started_at = time.monotonic() - used_s
        self._step_s = 0.0
        self._is_late = False
        self._forward_s_from_steps = self._forward_s_from_scoring = math.inf

    @property
    def used_s(self) -> float:
        """Used seconds of the budget."""
        return time.monotonic() - self._started_at

    def note_step(self, seconds: float, images: int) -> None:
        """Record the duration of a training step on `images` images."""
        self._step_s = seconds if not self._step_s else 0.8 * self._step_s + 0.2 * seconds
        self._forward_s_from_steps = self._step_s / images * _FORWARD_SHARE

    def note_scoring(self, seconds: float, images: int) -> None:
        """Record the duration of an evaluation of `images` images."""
        self._forward_s_from_scoring = seconds / images

    def progress(self, epoch: int, step: int) -> float:
        """Return the completed share by time or by steps, whichever is larger."""
        used = self.used_s / self._training_s
        by_time = self._first_progress + (1 - self._first_progress) * used
        return min(1.0, max(by_time, self._epoch_limit.progress(epoch, step)))

    def is_over(self, epoch: int, step: int) -> bool:
        """Whether the next step would exceed the time for training by more than half its duration.

        The first step of a training is always made.
        """
        # Late once means late for good: the estimate of the evaluation's duration may still change.
        self._is_late = self._is_late or self.used_s + self._step_s / 2 > self._training_s
        return self._epoch_limit.is_over(epoch, step) or (self._is_late and (epoch, step) != (0, 0))

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """Estimate the remaining seconds: of the budget or of the epochs, whichever are fewer."""
        return max(0.0, min(self._training_s - self.used_s, self._epoch_limit.eta_s(epoch, step, step_s)))

    @property
    def _training_s(self) -> float:
        """Seconds of the budget for training steps: without evaluation and publishing."""
        forward_s = min(self._forward_s_from_steps, self._forward_s_from_scoring)
        evaluation_s = forward_s * self._scored_images if math.isfinite(forward_s) else 0.0
        return max(self._budget_s - _PUBLISH_S - evaluation_s, self._budget_s * _MIN_TRAINING_SHARE)
