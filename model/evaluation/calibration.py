"""Calibrates a model's probabilities with one temperature, fitted on the validation images."""
# ruff: noqa: N803 - shapes in names: images_NCHW

import math

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE_RANGE = (0.1, 10.0)
"""Without limits, a few validation images that are all right (or all wrong) would give a temperature of 0 (or infinity)."""
_BINS = 15
_ITERATIONS = 60


def fit_temperature(logits_NK: Tensor, labels_N: Tensor) -> float:
    """Return the temperature that minimises the cross-entropy (temperature scaling, arXiv 1706.04599).

    The minimum is found by golden-section search over the logarithm of the temperature.
    """
    logits_NK, golden = logits_NK.double(), (math.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        return functional.cross_entropy(logits_NK / math.exp(log_temperature), labels_N).item()

    low, high = (math.log(limit) for limit in TEMPERATURE_RANGE)
    for _ in range(_ITERATIONS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibration_error(logits_NK: Tensor, labels_N: Tensor, temperature: float) -> float:
    """Return the expected calibration error, 0 to 1, over 15 equally wide bins of confidence (arXiv 1706.04599)."""
    confidence_N, predicted_N = (logits_NK.double() / temperature).softmax(1).max(1)
    is_right_N = (predicted_N == labels_N).double()
    bin_N = (confidence_N * _BINS).long().clamp(max=_BINS - 1)
    gap_B = torch.zeros(_BINS, dtype=torch.float64, device=logits_NK.device)
    gap_B.index_add_(0, bin_N, confidence_N - is_right_N)
    return gap_B.abs().sum().item() / len(labels_N)
