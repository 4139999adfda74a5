"""Calibrates a model's probabilities with one temperature, fitted on the validation images."""
# ruff: noqa: N803 - shapes in names: images_NCHW

import math

import torch
from torch import Tensor
from torch.nn import functional

from model.export import proof

TEMPERATURE_RANGE = (0.1, 10.0)
_PRIOR_DEVIATION = 0.5
"""Standard deviation of the logarithm of the temperature before any image is seen.

Without a prior, a few validation images that are all right would give the lowest temperature. 4 images move the
temperature little, 100 images move it as far as their cross-entropy asks.
"""
_FOLDS = 5
_ITERATIONS = 60


def fit_temperature(logits_NK: Tensor, labels_N: Tensor) -> float:
    """Return the most probable temperature (temperature scaling, arXiv 1706.04599); 1 when there are no images.

    It minimises the summed cross-entropy plus the negative logarithm of a normal prior on the logarithm of the
    temperature, by golden-section search over this logarithm.
    """
    logits_NK, golden = logits_NK.double(), (math.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        scaled_NK = logits_NK / math.exp(log_temperature)
        misfit = functional.cross_entropy(scaled_NK, labels_N, reduction="sum").item()
        return misfit + (log_temperature / _PRIOR_DEVIATION) ** 2 / 2

    low, high = (math.log(limit) for limit in TEMPERATURE_RANGE)
    for _ in range(_ITERATIONS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return math.exp((low + high) / 2)


def held_out_calibration_error(logits_NK: Tensor, labels_N: Tensor) -> float:
    """Return the calibration error of a fitted temperature, each image scaled by a temperature that others were fitted to.

    Measured on the images that the temperature was fitted to, the error would be too low.
    """
    fold_N = torch.arange(len(labels_N), device=labels_N.device) % _FOLDS
    scaled_NK = torch.empty_like(logits_NK, dtype=torch.float64)
    for fold in range(min(_FOLDS, len(labels_N))):
        is_in_N = fold_N == fold
        temperature = fit_temperature(logits_NK[~is_in_N], labels_N[~is_in_N])
        scaled_NK[is_in_N] = logits_NK[is_in_N].double() / temperature
    return calibration_error(scaled_NK, labels_N)


def calibration_error(logits_NK: Tensor, labels_N: Tensor) -> float:
    """Return the expected calibration error, 0 to 1, of the probabilities of some logits."""
    return proof.calibration_error(logits_NK.double().softmax(1).cpu().numpy(), labels_N.cpu().numpy())
