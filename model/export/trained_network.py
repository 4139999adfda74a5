"""A trained network as arrays: what an export needs to know of a model."""
# ruff: noqa: N815 - shapes in names: bias_O

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]

_EPSILON = 1e-5
"""Of the batch norms."""


@dataclass(frozen=True)
class FusedConvolution:
    """A 3x3 convolution with the batch norm that follows it folded in."""

    weights_OI33: NDArray[np.float32]
    bias_O: NDArray[np.float32]


@dataclass(frozen=True)
class TrainedNetwork:
    """Weights of a ResNet9, the normalisation of its input, and the temperature of its probabilities."""

    weights: Mapping[str, NDArray[np.float32]]
    """As the weights file names them."""
    mean: Rgb
    std: Rgb
    image_size: int
    temperature: float

    @property
    def head_KC(self) -> NDArray[np.float32]:  # noqa: N802 - the shape
        """The weights of the last layer."""
        return self.weights["head.weight"]

    def convolution(self, layer: str) -> FusedConvolution:
        """Fold the batch norm of a layer such as `features.0` into its convolution; raises KeyError if it has none."""
        scale_O, shift_O, mean_O, variance_O = (
            self.weights[f"{layer}.norm.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale_O = scale_O / np.sqrt(variance_O + _EPSILON)
        weights_OI33 = self.weights[f"{layer}.conv.weight"] * scale_O[:, None, None, None]
        return FusedConvolution(
            weights_OI33.astype(np.float32), (shift_O - mean_O * scale_O).astype(np.float32)
        )
