"""95 % confidence intervals of accuracies and other shares. Imports no torch."""
# ruff: noqa: N803 - shapes in names: groups_N

import math

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

_Z95 = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""
RESAMPLES = 10_000


def wilson_interval(accuracy: float, count: int) -> Interval:
    """Return the 95 % confidence interval of an accuracy measured on `count` images (Wilson score interval, 1927).

    Unlike the normal approximation, the interval is valid for accuracies of 0 and 1 and for few images.
    """
    centre = accuracy + _Z95**2 / (2 * count)
    margin = _Z95 * math.sqrt(accuracy * (1 - accuracy) / count + _Z95**2 / (4 * count**2))
    scale = 1 + _Z95**2 / count
    # Rounding would give 0.9999999999999998 for 90 of 90.
    low = 0.0 if accuracy == 0 else max(0.0, (centre - margin) / scale)
    return low, 1.0 if accuracy == 1 else min(1.0, (centre + margin) / scale)


def share_interval(part: int, count: int) -> Interval | None:
    """Return the 95 % confidence interval of `part` of `count`; None when there is nothing to count."""
    return wilson_interval(part / count, count) if count else None


def f1_interval(right: int, wrong: int) -> Interval | None:
    """Return the 95 % confidence interval of an F1 score; None when there is nothing to count.

    It is the Wilson interval of the share F* = right / (right + wrong), to which F1 = 2 F* / (1 + F*) belongs (the
    indirect Wilson interval of arXiv 2309.14621).

    Args:
        right: true positives.
        wrong: false positives and false negatives.
    """
    if not right + wrong:
        return None
    low, high = wilson_interval(right / (right + wrong), right + wrong)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def grouped_interval(is_right_N: NDArray[np.bool_], groups_N: NDArray[np.int32]) -> Interval:
    """Return the 95 % confidence interval of an accuracy whose images come in groups of near-duplicates.

    Groups are drawn with replacement (percentile bootstrap, 10,000 times with a fixed seed), since images of one group
    say little more than one image does. If all images are right, or all wrong, all draws are equal, so this is then the
    Wilson interval of as many images as there are groups.

    Args:
        is_right_N: whether the prediction of each image is right.
        groups_N: the number of each image's group; -1 of an image alone.
    """
    units_N = unit_numbers(groups_N)
    sizes_U = np.bincount(units_N)
    right_U = np.bincount(units_N, weights=is_right_N).astype(np.int64)
    accuracy = float(is_right_N.mean())
    if accuracy in {0.0, 1.0}:
        return wilson_interval(accuracy, len(sizes_U))
    kinds_T2, counts_T = np.unique(np.stack([sizes_U, right_U], axis=1), axis=0, return_counts=True)
    random = np.random.default_rng(0)
    # To draw groups of few kinds is to draw how many there are of each kind.
    drawn_RT = random.multinomial(len(sizes_U), counts_T / counts_T.sum(), size=RESAMPLES)
    images_R, all_right_R = (drawn_RT @ kinds_T2).T
    low, high = np.quantile(all_right_R / images_R, [0.025, 0.975])
    return float(low), float(high)


def unit_numbers(groups_N: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number the groups from 0, without gaps; each image alone is a group of its own.

    Args:
        groups_N: the number of each image's group; -1 of an image alone.
    """
    names_N = groups_N.astype(np.int64)
    is_alone_N = names_N < 0
    names_N[is_alone_N] = -1 - np.arange(int(is_alone_N.sum()))
    return np.unique(names_N, return_inverse=True)[1]
