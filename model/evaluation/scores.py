"""Scores of predictions: loss, accuracy, balanced accuracy and the confidence interval of an accuracy."""
# ruff: noqa: N803 - shapes in names: logits_NK

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_Z95 = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True)
class Score:
    """Loss and accuracy of predictions for a set of labelled images."""

    loss: float
    """Mean cross-entropy."""
    accuracy: float
    balanced_accuracy: float
    """Mean recall over the classes that occur among the labels."""


def score(logits_NK: Tensor, labels_N: Tensor) -> Score:
    """Compare predicted logits with the labels."""
    is_right_N = (logits_NK.argmax(1) == labels_N).double()
    counts_K = torch.bincount(labels_N, minlength=logits_NK.shape[1])
    right_K = torch.bincount(labels_N, weights=is_right_N, minlength=logits_NK.shape[1])
    recalls = (right_K / counts_K)[counts_K > 0]
    loss = functional.cross_entropy(logits_NK.double(), labels_N)
    return Score(loss.item(), is_right_N.mean().item(), recalls.mean().item())


def wilson_interval(accuracy: float, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of an accuracy measured on `count` images (Wilson score interval, 1927).

    Unlike the normal approximation, the interval is valid for accuracies of 0 and 1 and for few images.
    """
    centre = accuracy + _Z95**2 / (2 * count)
    margin = _Z95 * math.sqrt(accuracy * (1 - accuracy) / count + _Z95**2 / (4 * count**2))
    scale = 1 + _Z95**2 / count
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)
