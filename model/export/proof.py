"""Compares the graphs of a model with each other and with the trained network."""
# ruff: noqa: N803 - shapes in names: labels_N

import math

import numpy as np
from numpy.typing import NDArray

from model.export.facts import Int8Facts

LEAST_AGREEMENT = 0.98
LARGEST_LOSS = 0.003
_BINS = 15
_Z95 = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""


def compare(
    float32_NK: NDArray[np.float32], int8_NK: NDArray[np.float32], labels_N: NDArray[np.int64]
) -> Int8Facts:
    """Compare the probabilities that both graphs give to labelled images."""
    is_right_N, is_right_int8_N = (p_NK.argmax(1) == labels_N for p_NK in (float32_NK, int8_NK))
    difference_N = is_right_int8_N.astype(float) - is_right_N
    interval = _interval(difference_N)
    agreement = float((float32_NK.argmax(1) == int8_NK.argmax(1)).mean())
    return Int8Facts(
        images=len(labels_N),
        agreement=agreement,
        accuracy_fp32=float(is_right_N.mean()),
        accuracy_int8=float(is_right_int8_N.mean()),
        difference_ci95=interval,
        log_loss_fp32=_log_loss(float32_NK, labels_N),
        log_loss_int8=_log_loss(int8_NK, labels_N),
        ece_fp32=calibration_error(float32_NK, labels_N),
        ece_int8=calibration_error(int8_NK, labels_N),
        max_difference=float(np.abs(float32_NK - int8_NK).max()),
        is_served=agreement >= LEAST_AGREEMENT and interval[1] >= -LARGEST_LOSS,
    )


def calibration_error(
    probabilities_NK: NDArray[np.float32] | NDArray[np.float64], labels_N: NDArray[np.int64]
) -> float:
    """Return the expected calibration error, 0 to 1, over 15 equally wide bins of confidence (arXiv 1706.04599)."""
    confidence_N = probabilities_NK.max(1).astype(np.float64)
    bin_N = (confidence_N * _BINS).astype(np.int64).clip(max=_BINS - 1)
    gap_N = confidence_N - (probabilities_NK.argmax(1) == labels_N)
    return float(np.abs(np.bincount(bin_N, gap_N, _BINS)).sum() / len(labels_N))


def _interval(difference_N: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean of paired differences (normal approximation)."""
    mean = float(difference_N.mean())
    margin = _Z95 * float(difference_N.std()) / math.sqrt(len(difference_N))
    return mean - margin, mean + margin


def _log_loss(probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> float:
    own_N = probabilities_NK[np.arange(len(labels_N)), labels_N].astype(np.float64)
    return float(-np.log(own_N.clip(min=1e-12)).mean())
