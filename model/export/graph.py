"""Builds the ONNX graph of a trained network, from pixels to probabilities.

Input `images`: uint8 [N, S, S, 3]. Outputs `probabilities` and `logits`: float32 [N, K]. The layers are those of
`model.network.resnet9`, with the batch norms folded into the convolutions.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model.export.interface import IMAGES, LOGITS, PROBABILITIES
from model.export.trained_network import TrainedNetwork

OPSET = 20
_IR_VERSION = 10
"""Readable by every engine that knows the operator set; the library's default is newer."""


class GraphBuilder:
    """Builds the graph in float32."""

    def __init__(self, network: TrainedNetwork) -> None:
        self.network = network
        self.activations: list[str] = []
        """The inputs of the convolutions but the first, and of the sums: what a quantization has to know the range of."""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self) -> bytes:
        """Return the file.

        Raises:
            KeyError: the weights are not those of a ResNet9.
        """
        self._add_network()
        size, classes = self.network.image_size, len(self.network.head_KC)
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "resnet9",
            [value(IMAGES, TensorProto.UINT8, ["N", size, size, 3])],
            [value(name, TensorProto.FLOAT, ["N", classes]) for name in (PROBABILITIES, LOGITS)]
            + self.further_outputs(),
            self._constants,
        )
        model = helper.make_model(
            graph,
            producer_name="ninefold",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        file: bytes = model.SerializeToString()
        return file

    def node(self, operation: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node; return its output."""
        self._nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any] | np.generic) -> str:
        """Add a constant; return its name."""
        self._constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add_input(self, features: str) -> str:
        """Add what follows the normalisation of the images; return its output."""
        return features

    def add_weights(self, layer: str, features: str) -> list[str]:
        """Add the weights and the bias of a convolution whose input is `features`; return their names."""
        del features
        fused = self.network.convolution(layer)
        return [
            self.constant(f"{layer}.weight", fused.weights_OI33),
            self.constant(f"{layer}.bias", fused.bias_O),
        ]

    def add_activation(self, features: str) -> str:
        """Add what follows an activation; return its output."""
        self.activations.append(features)
        return features

    def add_pooled(self, pooled: str, features: str) -> str:
        """Add what follows the pool of an activation; return its output."""
        del features
        return pooled

    def further_outputs(self) -> list[onnx.ValueInfoProto]:
        """Return the outputs besides probabilities and logits."""
        return []

    def _add_network(self) -> None:
        features = self._add_normalised_images()
        features = self._add_convolution(features, "features.0")
        features = self._add_pool(self._add_convolution(features, "features.1"))
        features = self._add_residual(features, "features.3")
        features = self._add_pool(self._add_convolution(features, "features.4"))
        features = self._add_pool(self._add_convolution(features, "features.6"))
        features = self._add_residual(features, "features.8")
        axes = self.constant("height_and_width", np.array([2, 3], dtype=np.int64))
        maxima = self.node("ReduceMax", [features, axes], "maxima", keepdims=0)
        head = self.constant("head.weight", self.network.head_KC)
        self.node("Gemm", [maxima, head], LOGITS, transB=1)
        temperature = self.constant("temperature", np.float32(self.network.temperature))
        scaled = self.node("Div", [LOGITS, temperature], "scaled_logits")
        self.node("Softmax", [scaled], PROBABILITIES, axis=1)

    def _add_normalised_images(self) -> str:
        shift, scale = (
            255 * np.array(values, np.float32) for values in (self.network.mean, self.network.std)
        )
        pixels = self.node("Cast", [IMAGES], "pixels", to=TensorProto.FLOAT)
        pixels = self.node("Sub", [pixels, self.constant("mean", shift)], "centred")
        pixels = self.node("Div", [pixels, self.constant("std", scale)], "normalised")
        return self.add_input(self.node("Transpose", [pixels], "input", perm=[0, 3, 1, 2]))

    def _add_convolution(self, features: str, layer: str) -> str:
        inputs = [features, *self.add_weights(layer, features)]
        output = self.node("Conv", inputs, layer, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return self.add_activation(self.node("Relu", [output], f"{layer}.relu"))

    def _add_pool(self, features: str) -> str:
        pooled = self.node("MaxPool", [features], f"{features}.pool", kernel_shape=[2, 2], strides=[2, 2])
        return self.add_pooled(pooled, features)

    def _add_residual(self, features: str, layer: str) -> str:
        output = self._add_convolution(features, f"{layer}.first")
        output = self._add_convolution(output, f"{layer}.second")
        return self.add_activation(self.node("Add", [features, output], f"{layer}.sum"))
