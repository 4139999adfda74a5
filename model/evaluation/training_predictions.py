"""Averages what the network predicted for each training image while it was being trained.

A network fits wrong labels later than right ones (arXiv 1706.05394), so the mean over the epochs still disagrees with a
wrong label when the final network has learnt it by heart (arXiv 2001.10528, 2009.10795).
"""
# ruff: noqa: N803 - shapes in names: images_NCHW

import torch
from torch import Tensor

_MAX_NUMBERS = 16 * 2**20
"""Images times classes: 64 MiB, in memory and in each checkpoint. Larger trainings keep no predictions."""


class TrainingPredictions:
    """The summed probabilities of each training image, float32 [N, K], and how often it was predicted, float32 [N]."""

    def __init__(self, images: int, classes: int, device: torch.device) -> None:
        self.is_kept = images * classes <= _MAX_NUMBERS
        rows = images if self.is_kept else 0
        self.sums_NK = torch.zeros(rows, classes, device=device)
        self.counts_N = torch.zeros(rows, device=device)

    def add(self, indices_N: Tensor, logits_NK: Tensor) -> None:
        """Add the predictions for these images. Each image may occur once."""
        if self.is_kept:
            self.sums_NK.index_add_(0, indices_N, logits_NK.softmax(1))
            self.counts_N.index_add_(0, indices_N, torch.ones_like(indices_N, dtype=torch.float32))

    def mean_probabilities(self) -> Tensor:
        """Return the mean probabilities [N, K]; the rows of images that were never predicted are 0."""
        return self.sums_NK / self.counts_N.clamp(min=1)[:, None]

    def tensors(self) -> dict[str, Tensor]:
        """Return what a checkpoint saves."""
        return {"sums": self.sums_NK, "counts": self.counts_N} if self.is_kept else {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Load what a checkpoint saved; one of an earlier version saved nothing."""
        if self.is_kept and tensors:
            self.sums_NK.copy_(tensors["sums"])
            self.counts_N.copy_(tensors["counts"])
