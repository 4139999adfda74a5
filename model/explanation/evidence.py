"""Computes where in an image the evidence for a class lies. Knows numpy only."""
# ruff: noqa: N803 - shapes in names: features_CHW

import numpy as np
from numpy.typing import NDArray


def evidence_of(
    features_CHW: NDArray[np.float32], head_KC: NDArray[np.float32], label: int
) -> NDArray[np.float64]:
    """Return the evidence [H, W] that each position gives for a class.

    The network ends in a global maximum over the positions and a linear layer without bias. So each channel adds the
    product of its maximum and its weight to the logit, and that product belongs to the position of the maximum (the
    first of equal ones). The weights are those of the class minus their mean over the classes, since a number that is
    added to all logits changes no probability. The map sums to the logit of the class minus the mean logit.

    Args:
        features_CHW: the input of the global maximum.
        head_KC: the weights of the linear layer.
        label: the number of the class.
    """
    weights_C = head_KC[label].astype(np.float64) - head_KC.mean(axis=0, dtype=np.float64)
    features_CP = features_CHW.reshape(len(features_CHW), -1)
    products_C = weights_C * features_CP.max(axis=1)
    evidence_P = np.zeros(features_CP.shape[1])
    np.add.at(evidence_P, features_CP.argmax(axis=1), products_C)
    return evidence_P.reshape(features_CHW.shape[1:])
