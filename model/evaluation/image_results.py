"""What a model answers for each image of a split: the predicted class, its probability, and the rank of the label."""
# ruff: noqa: N803, N815 - shapes in names: logits_NK

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.evaluation.stored_predictions import StoredPredictions

_NUMBERS_AT_ONCE = 2**20
"""Images times classes: 8 MiB for each array of float64, however large the split is."""


@dataclass(frozen=True)
class ImageResults:
    """The results of the images of a split, in its order."""

    predicted_N: NDArray[np.int64]
    """The class of the highest logit; the first of equal ones."""
    score_N: NDArray[np.float64]
    """The probability of the predicted class."""
    label_score_N: NDArray[np.float64]
    """The probability of the label."""
    label_rank_N: NDArray[np.int64]
    """How many classes are predicted before the label: 0 when the prediction is right."""
    loss_N: NDArray[np.float64]
    """The negative natural logarithm of the label's probability."""

    @property
    def is_right_N(self) -> NDArray[np.bool_]:  # noqa: N802 - the shape
        """Whether the prediction is the label."""
        is_right_N: NDArray[np.bool_] = self.label_rank_N == 0
        return is_right_N


def image_results(predictions: StoredPredictions, temperature: float) -> ImageResults:
    """Compute the results of all images, with probabilities softmax(logits / temperature)."""
    rows = max(1, _NUMBERS_AT_ONCE // predictions.logits_NK.shape[1])
    starts = range(0, len(predictions), rows)
    parts = [
        _results_of(
            predictions.logits_NK[start : start + rows],
            predictions.labels_N[start : start + rows],
            temperature,
        )
        for start in starts
    ]
    return ImageResults(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _results_of(
    logits_NK: NDArray[np.float32], labels_N: NDArray[np.int64], temperature: float
) -> tuple[NDArray[np.generic], ...]:
    """Return the fields of `ImageResults`, in their order."""
    own_N1 = np.take_along_axis(logits_NK, labels_N[:, None], axis=1)
    is_first_NK = np.arange(logits_NK.shape[1]) < labels_N[:, None]
    rank_N = ((logits_NK > own_N1) | ((logits_NK == own_N1) & is_first_NK)).sum(1)
    scaled_NK = logits_NK.astype(np.float64) / temperature
    scaled_NK -= scaled_NK.max(1, keepdims=True)
    log_sum_N = np.log(np.exp(scaled_NK).sum(1))
    loss_N = log_sum_N - np.take_along_axis(scaled_NK, labels_N[:, None], axis=1)[:, 0]
    return logits_NK.argmax(1), np.exp(-log_sum_N), np.exp(-loss_N), rank_N, loss_N
