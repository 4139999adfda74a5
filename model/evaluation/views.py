"""Combines the scores of several views of one image, and forms sets of labels from scores."""
# ruff: noqa: N803 - shapes in names: scores_VK

import numpy as np

_SMALLEST = np.finfo(np.float64).tiny


def mirrored(image_HWC: np.ndarray) -> np.ndarray:
    """Return the mirror image."""
    return image_HWC[:, ::-1]


def scores_of_views(scores_VK: np.ndarray) -> np.ndarray:
    """Return the scores_K that the mean of the views' logits has.

    The logarithms of a view's probabilities are its logits minus a number, which cancels out. So the result is that of
    test-time augmentation as `test_accuracy_tta` measures it: logits averaged, then divided by the temperature.
    """
    logits_K = np.log(np.maximum(scores_VK.astype(np.float64), _SMALLEST)).mean(axis=0)
    scores_K = np.exp(logits_K - logits_K.max())
    combined_K: np.ndarray = (scores_K / scores_K.sum()).astype(np.float32)
    return combined_K


def label_set(scores_K: np.ndarray, classes: list[str], least_probability: float) -> list[str]:
    """Return the classes with at least this probability, highest first."""
    order = np.argsort(-scores_K, kind="stable")
    return [classes[k] for k in order if scores_K[k] >= least_probability]
