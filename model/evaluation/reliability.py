"""Compares the confidence of predictions with how many are right. Imports no torch."""
# ruff: noqa: N803 - shapes in names: confidence_N

import numpy as np
from numpy.typing import NDArray

from model.evaluation.evaluation import ConfidenceBin
from model.evaluation.intervals import wilson_interval

_MOST_BINS = 15
_LEAST_IMAGES = 10
"""Of a bin: with few images each, the accuracy of a bin is mostly chance, and so is its difference from the confidence."""


def confidence_bins(confidence_N: NDArray[np.float64], is_right_N: NDArray[np.bool_]) -> list[ConfidenceBin]:
    """Return 15 bins of equally many images, those of the lowest confidence first; fewer bins where each would have fewer than 10."""
    bins = max(1, min(_MOST_BINS, len(confidence_N) // _LEAST_IMAGES))
    order_N = np.argsort(confidence_N, kind="stable")
    return [
        ConfidenceBin(
            confidence=float(confidence_N[indices_B].mean()),
            accuracy=(accuracy := float(is_right_N[indices_B].mean())),
            ci95=wilson_interval(accuracy, len(indices_B)),
            images=len(indices_B),
        )
        for indices_B in np.array_split(order_N, bins)
    ]


def expected_calibration_error(bins: list[ConfidenceBin]) -> float:
    """Return the mean difference between confidence and accuracy over the images, 0 to 1.

    With bins of equally many images the estimate is less biased than with bins of equal width (arXiv 2012.08668).
    """
    images = sum(one.images for one in bins)
    return sum(abs(one.confidence - one.accuracy) * one.images for one in bins) / images
