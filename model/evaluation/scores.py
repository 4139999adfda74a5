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


def score(logits_NK: Tensor, labels_N: Tensor) -> Score:
    """Compare predicted logits with the labels."""
    is_right_N = (logits_NK.argmax(1) == labels_N).double()
    counts_K = torch.bincount(labels_N, minlength=logits_NK.shape[1])
    right_K = torch.bincount(labels_N, weights=is_right_N, minlength=logits_NK.shape[1])
    recalls = (right_K / counts_K)[counts_K > 0]
    loss = functional.cross_entropy(logits_NK.double(), labels_N)
    return Score(loss.item(), is_right_N.mean().item(), recalls.mean().item())
