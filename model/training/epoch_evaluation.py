"""Evaluates the network at the end of an epoch and keeps the weights of the best epoch."""

import logging
import math
import time

from model.device.device import Device
from model.errors import TrainingDivergedError
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import Score, score
from model.spec import ClassWeighting, ResolvedSpec
from model.training.limits.run_limit import TimeLimit
from model.training.run_state import Best, RunState
from model.training.training_data import Split, TrainingData

_MARGIN_OF_LAST = 2
"""The standard errors by which the last epoch's score may be lower than that of the best one before it."""
_log = logging.getLogger(__name__)


class EpochEvaluation:
    """Scores the network on the validation images and keeps the best weights in the state."""

    def __init__(
        self,
        spec: ResolvedSpec,
        data: TrainingData,
        state: RunState,
        device: Device,
        time_limit: TimeLimit | None,
    ) -> None:
        self._spec, self._data, self._state, self._device = spec, data, state, device
        self._time_limit = time_limit

    def score(self) -> Score | None:
        """Return the scores on the validation images; without any, log the accuracy on the test split, for information.

        Raises:
            TrainingDivergedError: the loss is not finite.
        """
        if len(self._data.validation):
            return self._score(self._data.validation)
        test = self._score(self._data.test)
        _log.info(
            "epoch %d: test accuracy %.4f (not used for any choice)", self._state.epoch + 1, test.accuracy
        )
        return None

    def _score(self, split: Split) -> Score:
        state, started = self._state, time.perf_counter()
        logits_NK = predict_logits(
            state.evaluated_network, split.images_NHWC, self._data.normalisation, self._device
        )
        if self._time_limit:
            self._time_limit.note_scoring(time.perf_counter() - started, len(split))
        result = score(logits_NK, split.labels_N)
        # The last update may have made weights infinite although the loss computed before it was finite.
        if not math.isfinite(result.loss):
            raise TrainingDivergedError(state.epoch + 1, state.step)
        return result

    def keep_if_best(self, validation: Score | None, *, ends_schedule: bool) -> bool:
        """Keep the weights if the epoch just completed is the best so far; return whether it is.

        Args:
            validation: the scores of the epoch; None without validation images.
            ends_schedule: whether it is the last epoch of a schedule that ends with a small learning rate. Such an epoch is
                the best unless its score is lower by more than its standard error explains (docs/adr/0033).
        """
        if validation is None:
            return False
        state = self._state
        criterion, error = self._criterion(validation)
        margin = _MARGIN_OF_LAST * error if ends_schedule else 0.0
        weights = state.copy_evaluated_weights()
        epoch = Best(state.epoch, criterion, validation.loss, validation.accuracy, weights)
        if not epoch.is_better_than(state.best, margin):
            return False
        state.best = epoch
        return True

    def _criterion(self, validation: Score) -> tuple[float, float]:
        """Return the criterion for the best epoch and its standard error."""
        if self._spec.class_weighting is ClassWeighting.NONE:
            return validation.accuracy, validation.accuracy_error
        return validation.balanced_accuracy, validation.balanced_accuracy_error
