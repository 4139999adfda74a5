"""The most probable classes of an image."""
# ruff: noqa: N803 - shapes in names: scores_K

import numpy as np
from numpy.typing import NDArray

_DIGITS = 6


def best_classes(scores_K: NDArray[np.float32], top_k: int) -> list[tuple[int, float]]:
    """Return the `top_k` classes with the highest scores, highest first: their numbers, and their scores in 6 digits.

    Of equal scores the earlier class is first.
    """
    best = np.argsort(-scores_K, kind="stable")[:top_k]
    return [(int(k), round(float(scores_K[k]), _DIGITS)) for k in best]
