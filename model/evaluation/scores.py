"""Scores of predictions: loss, accuracy and balanced accuracy."""
# ruff: noqa: N803 - shapes in names: logits_NK

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Score:
    """Loss and accuracy of predictions for a set of labelled images."""

    loss: float
    """Mean cross-entropy."""
    accuracy: float
    balanced_accuracy: float
    """Mean recall over the classes that occur among the labels."""
    accuracy_error: float
    """Standard error of `accuracy`, of a binomial distribution."""
    balanced_accuracy_error: float
    """Standard error of `balanced_accuracy`, of a binomial distribution for each class."""


def score(logits_NK: Tensor, labels_N: Tensor) -> Score:
    """Compare predicted logits with the labels."""
    is_right_N = (logits_NK.argmax(1) == labels_N).double()
    counts_K = torch.bincount(labels_N, minlength=logits_NK.shape[1])
    right_K = torch.bincount(labels_N, weights=is_right_N, minlength=logits_NK.shape[1])
    occurs_K = counts_K > 0
    counts, recalls = counts_K[occurs_K], (right_K / counts_K)[occurs_K]
    accuracy = is_right_N.mean()
    return Score(
        loss=functional.cross_entropy(logits_NK.double(), labels_N).item(),
        accuracy=accuracy.item(),
        balanced_accuracy=recalls.mean().item(),
        accuracy_error=_variance(accuracy, len(labels_N)).sqrt().item(),
        balanced_accuracy_error=(_variance(recalls, counts).sum().sqrt() / len(recalls)).item(),
    )


def _variance(share: Tensor, count: Tensor | int) -> Tensor:
    """Return the variance of a share of `count` independent images."""
    return share * (1 - share) / count
