"""Ends a training that no longer improves: when the patience is used up, a short cool-down replaces the rest of the schedule."""

import logging
import math
from dataclasses import dataclass

from model.recipes.recipe import Decay, Recipe
from model.training.limits.run_limit import EpochLimit, RunLimit
from model.training.run_state import CoolDown, RunState

_SHARE = 0.1
"""Epochs of the cool-down as a share of the epochs before it. Hägele et al. (arXiv 2405.18392) find 5 to 10 % of the steps
to be enough for most of what a long decay gains, and 20 % for all of it."""
_ROUNDING = 1e-9
_log = logging.getLogger(__name__)


def cool_down_epochs(recipe: Recipe, epochs: int) -> int:
    """Return how many epochs follow after `epochs` epochs; none where the learning rate does not depend on the progress."""
    return 0 if recipe.decay is Decay.KERAS_TIME else math.ceil(epochs * _SHARE)


@dataclass(frozen=True)
class PatienceLimit:
    """Ends a training as another limit does, or after a cool-down that begins when the patience is used up.

    In the cool-down, progress runs from its value at the beginning to 1. The learning rate and the image sizes follow it,
    so a training that ends early ends with a small learning rate on images of full size, as it would have at the end of
    its schedule.
    """

    limit: RunLimit
    """Ends the training if the patience is not used up; also within the cool-down."""
    epochs: EpochLimit
    state: RunState
    recipe: Recipe
    patience: int
    """Epochs without a better validation score."""
    first_epoch: int = 0
    """The epochs of the training that this one continues: they use up no patience."""

    def note_epoch(self) -> None:
        """Begin the cool-down if the epochs completed without a better one are as many as the patience.

        Epochs of the warm-up use up no patience: the learning rate has not reached its peak.
        """
        state, progress = self.state, self.limit.progress(*self.state.position)
        if state.cool_down or state.best is None:
            return
        warm_up_epochs = math.ceil(state.epoch * self.recipe.warm_up_fraction / progress - _ROUNDING)
        # A rest of the schedule that is not longer than a cool-down needs none.
        epochs = cool_down_epochs(self.recipe, state.epoch)
        if (
            state.epoch - max(state.best.epoch, self.first_epoch, warm_up_epochs) < self.patience
            or state.epoch + epochs >= self.epochs.epochs
        ):
            return
        state.cool_down = CoolDown(state.epoch, epochs, progress)
        _log.info(
            "no epoch was better than epoch %d for %d epochs: the training ends %s",
            state.best.epoch,
            self.patience,
            f"with {epochs} more, in which the learning rate falls to its final value" if epochs else "now",
        )

    def progress(self, epoch: int, step: int) -> float:
        """Return the completed share of the training, 0 to 1."""
        progress, cool_down = self.limit.progress(epoch, step), self.state.cool_down
        if cool_down is None:
            return progress
        return max(
            progress, cool_down.progress + (1 - cool_down.progress) * self._share(cool_down, epoch, step)
        )

    def is_over(self, epoch: int, step: int) -> bool:
        """Whether the cool-down is completed, or the training ends anyway."""
        cool_down = self.state.cool_down
        return self.limit.is_over(epoch, step) or (cool_down is not None and epoch >= cool_down.last_epoch)

    def eta_s(self, epoch: int, step: int, step_s: float) -> float:
        """Estimate the seconds to the end of the last step."""
        eta_s, cool_down = self.limit.eta_s(epoch, step, step_s), self.state.cool_down
        if cool_down is None or not cool_down.epochs:
            return eta_s
        remaining = self.epochs.remaining_time(self.progress(epoch, step)) / (1 - cool_down.progress)
        return min(eta_s, remaining * cool_down.epochs * self.epochs.steps_per_epoch * step_s)

    def _share(self, cool_down: CoolDown, epoch: int, step: int) -> float:
        """Return the completed share of the cool-down, 0 to 1."""
        done = epoch - cool_down.after_epoch + step / self.epochs.steps_per_epoch
        return min(1.0, done / cool_down.epochs) if cool_down.epochs else 1.0
