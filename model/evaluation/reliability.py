"""Compares the confidence of predictions with how many are right. Imports no torch."""
# ruff: noqa: N803 - shapes in names: confidence_N

import numpy as np
from numpy.typing import NDArray

from model.evaluation.evaluation import ConfidenceBin
from model.evaluation.intervals import wilson_interval

_BINS = 15


def confidence_bins(confidence_N: NDArray[np.float64], is_right_N: NDArray[np.bool_]) -> list[ConfidenceBin]:
    """Return 15 bins of equally many images, those of the lowest confidence first; fewer when there are fewer images."""
    order_N = np.argsort(confidence_N, kind="stable")
    return [
        ConfidenceBin(
            confidence=float(confidence_N[indices_B].mean()),
            accuracy=(accuracy := float(is_right_N[indices_B].mean())),
            ci95=wilson_interval(accuracy, len(indices_B)),
            images=len(indices_B),
        )
        for indices_B in np.array_split(order_N, min(_BINS, len(order_N)))
    ]


def expected_calibration_error(bins: list[ConfidenceBin]) -> float:
    """Return the mean difference between confidence and accuracy over the images, 0 to 1.

    With bins of equally many images the estimate is less biased than with bins of equal width (arXiv 2012.08668).
    """
    images = sum(one.images for one in bins)
    return sum(abs(one.confidence - one.accuracy) * one.images for one in bins) / images
