"""Finds images whose label is probably wrong, by confident learning (Northcutt et al., arXiv 1911.00068, section 3).

The probabilities of an image must come from a network that has not learnt its label by heart.
"""
# ruff: noqa: N803 - shapes in names: probabilities_NK

from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_DIFFERENCE = 0.2
"""In probability. Of closer calls nearly all labels are right: see docs/adr/0027."""


@dataclass(frozen=True)
class Suspect:
    """An image whose label is probably wrong."""

    index: int
    label: int
    suggested: int
    """The class that the image probably belongs to."""
    margin: float
    """Probability of `label` minus that of `suggested`, -1 to -0.2: the lower, the more probable the error."""


def find_label_errors(probabilities_NK: Tensor, labels_N: Tensor) -> list[Suspect]:
    """Return the images that confidently belong to another class than their label's, the most probable errors first.

    An image confidently belongs to a class if its probability is at least the mean probability of that class over the
    images labelled so. Where several classes qualify, the most probable one counts.

    Args:
        probabilities_NK: of each image and class.
        labels_N: int64 class of each image as given.
    """
    probabilities_NK = probabilities_NK.double()
    counts_K = torch.bincount(labels_N, minlength=probabilities_NK.shape[1])
    own_N = probabilities_NK.gather(1, labels_N[:, None])[:, 0]
    thresholds_K = torch.bincount(labels_N, weights=own_N, minlength=len(counts_K)) / counts_K
    thresholds_K[counts_K == 0] = torch.inf
    confident_NK = torch.where(probabilities_NK >= thresholds_K, probabilities_NK, 0)
    best_N, suggested_N = confident_NK.max(1)
    margins_N = own_N - best_N
    is_suspect_N = (suggested_N != labels_N) & (margins_N <= -_LEAST_DIFFERENCE)
    suspects = [
        Suspect(index, int(labels_N[index]), int(suggested_N[index]), float(margins_N[index]))
        for index in is_suspect_N.nonzero()[:, 0].tolist()
    ]
    return sorted(suspects, key=lambda suspect: suspect.margin)
