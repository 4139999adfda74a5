"""Builds the ONNX graph of a trained network with 8-bit integers.

Weights are int8 with a scale for each output channel, activations uint8 with one scale each, as QuantizeLinear and
DequantizeLinear nodes (QDQ), which engines fuse into integer operations. Logits and probabilities are float32.
"""
# ruff: noqa: N803 - shapes in names: images_NHWC

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from model.export.engine import Engine, small_batches
from model.export.graph import GraphBuilder
from model.export.trained_network import TrainedNetwork

_WEIGHT_LIMIT = 64
"""Largest weight, instead of 127: engines on processors with AVX2 and without VNNI add two products in 16 bits, and
2 x 255 x 64 is the most that fits. So all processors compute the same."""
_ACTIVATION_LIMIT = 255
_BIAS_LIMIT = 2**30
_SMALLEST_SCALE = np.float32(1e-9)
"""Of weights or activations that are all 0."""


def quantize(network: TrainedNetwork, images_NHWC: NDArray[np.uint8], threads: int) -> bytes:
    """Return the file of the quantized network.

    Args:
        network: in float32.
        images_NHWC: typical images, which decide the ranges of the activations.
        threads: of the engine that computes the activations.
    """
    maxima = find_maxima(network, images_NHWC, threads)
    return quantize_with_scales(
        network, {name: maximum / _ACTIVATION_LIMIT for name, maximum in maxima.items()}
    )


def quantize_with_scales(network: TrainedNetwork, scales: Mapping[str, float]) -> bytes:
    """Return the file of the quantized network with the scale of each activation that `scale_names` lists."""
    return _QuantizedBuilder(network, scales).build()


def scale_names(network: TrainedNetwork) -> dict[str, str]:
    """Return the name of the constant that holds the scale of each activation, in the file of a quantized network."""
    builder = GraphBuilder(network)
    builder.build()
    return {name: _scale_name(name) for name in builder.activations}


def find_maxima(network: TrainedNetwork, images_NHWC: NDArray[np.uint8], threads: int) -> dict[str, float]:
    """Return the largest value of each activation over the images. None is below 0: a ReLU comes before each."""
    builder = _ObservingBuilder(network)
    engine = Engine(builder.build(), threads)
    names = builder.activations
    maxima = np.max(
        [engine.run(batch, [_maximum(name) for name in names]) for batch in small_batches(images_NHWC)],
        axis=0,
    )
    return dict(zip(names, maxima.tolist(), strict=True))


def _maximum(activation: str) -> str:
    return f"{activation}.maximum"


def _scale_name(features: str) -> str:
    return f"{features}.scale"


class _ObservingBuilder(GraphBuilder):
    """Builds a graph that also outputs the largest value of each activation."""

    def add_activation(self, features: str) -> str:
        self.node("ReduceMax", [super().add_activation(features)], _maximum(features), keepdims=0)
        return features

    def further_outputs(self) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(_maximum(name), TensorProto.FLOAT, []) for name in self.activations
        ]


class _QuantizedBuilder(GraphBuilder):
    """Builds the graph with 8-bit integers."""

    def __init__(self, network: TrainedNetwork, scales: Mapping[str, float]) -> None:
        super().__init__(network)
        self._given = scales
        self._scales: dict[str, np.float32] = {}
        """Of each activation that was restored from 8 bits."""

    def add_input(self, features: str) -> str:
        # No images are needed here: pixels are 0 to 255.
        channels = list(zip(self.network.mean, self.network.std, strict=True))
        lowest, highest = (
            min(-mean / std for mean, std in channels),
            max((1 - mean) / std for mean, std in channels),
        )
        scale = (highest - lowest) / _ACTIVATION_LIMIT
        return self._add_pair(features, scale, zero=round(-lowest / scale))

    def add_activation(self, features: str) -> str:
        return self._add_pair(super().add_activation(features), self._given[features])

    def add_pooled(self, pooled: str, features: str) -> str:
        return self._add_pair(pooled, float(self._scales[features]))

    def add_weights(self, layer: str, features: str) -> list[str]:
        fused = self.network.convolution(layer)
        largest_O = np.abs(fused.weights_OI33).max(axis=(1, 2, 3))
        scale_O = np.maximum(largest_O / _WEIGHT_LIMIT, _SMALLEST_SCALE)
        weights = np.rint(fused.weights_OI33 / scale_O[:, None, None, None])
        bias_scale_O = scale_O * self._scales[features]
        bias = np.rint(fused.bias_O / bias_scale_O).clip(-_BIAS_LIMIT, _BIAS_LIMIT)
        return [
            self._add_dequantized(f"{layer}.weight", weights.astype(np.int8), scale_O),
            self._add_dequantized(f"{layer}.bias", bias.astype(np.int32), bias_scale_O),
        ]

    def _add_pair(self, features: str, scale: float, zero: int = 0) -> str:
        """Add the two nodes that quantize an activation and restore it; return the output of the second."""
        value = np.float32(max(scale, float(_SMALLEST_SCALE)))
        parameters = [
            self.constant(_scale_name(features), value),
            self.constant(f"{features}.zero", np.uint8(zero)),
        ]
        quantized = self.node("QuantizeLinear", [features, *parameters], f"{features}.quantized")
        restored = self.node("DequantizeLinear", [quantized, *parameters], f"{features}.restored")
        self._scales[restored] = value
        return restored

    def _add_dequantized(self, name: str, values: NDArray[Any], scale_O: NDArray[np.float32]) -> str:
        inputs = [self.constant(f"{name}.quantized", values), self.constant(f"{name}.scale", scale_O)]
        return self.node("DequantizeLinear", inputs, name, axis=0)
