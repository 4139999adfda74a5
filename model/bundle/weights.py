"""Checks that weights are those of the network, without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from model.errors import BundleRejectedError

_WIDTH = 64
"""Channels of the first convolution."""
_CONVOLUTIONS = {
    "features.0": (3, 1),
    "features.1": (1, 2),
    "features.3.first": (2, 2),
    "features.3.second": (2, 2),
    "features.4": (2, 4),
    "features.6": (4, 8),
    "features.8.first": (8, 8),
    "features.8.second": (8, 8),
}
"""Channels in and out, as multiples of those of the first one; the image has three."""
_STATISTICS = ("weight", "bias", "running_mean", "running_var")


def expected_shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a published network, by name."""
    width = _WIDTH
    shapes: dict[str, tuple[int, ...]] = {"head.weight": (classes, 8 * width)}
    for layer, (channels_in, channels_out) in _CONVOLUTIONS.items():
        inputs, outputs = 3 if channels_in == 3 else channels_in * width, channels_out * width
        shapes[f"{layer}.conv.weight"] = (outputs, inputs, 3, 3)
        shapes |= {f"{layer}.norm.{name}": (outputs,) for name in _STATISTICS}
    return shapes


def read_network(data: bytes, classes: int) -> Mapping[str, NDArray[np.float32]]:
    """Return the weights by name; raises BundleRejectedError if a network with this number of classes has other weights."""
    try:
        weights: dict[str, NDArray[Any]] = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleRejectedError(f"The weights are not in safetensors format ({error}).") from error
    expected = expected_shapes(classes)
    if {name: array.shape for name, array in weights.items()} != expected:
        wrong = sorted(
            name
            for name in {*weights, *expected}
            if name not in weights or weights[name].shape != expected.get(name)
        )
        raise BundleRejectedError(
            f"The weights are not those of a ResNet9 with {classes} classes: {', '.join(map(repr, wrong[:3]))} differ."
        )
    for name, array in weights.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise BundleRejectedError(f"The weights {name} are {array.dtype}, or not finite numbers.")
        if name.endswith("running_var") and (array < 0).any():
            raise BundleRejectedError(f"The weights {name} are variances, and some are negative.")
    return weights
