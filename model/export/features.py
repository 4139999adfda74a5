"""Builds the ONNX graph of a trained network with one more output: the features before the global maximum."""

import onnx
from onnx import TensorProto, helper

from model.export.graph import GraphBuilder

REDUCTION = 8
"""Pixels of the image per position of the features, in height and width: three pools halve the side."""


class FeatureGraphBuilder(GraphBuilder):
    """Builds the graph in float32 with the output `features`: float32 [N, C, S // 8, S // 8]."""

    @property
    def features(self) -> str:
        """The name of the output, once the graph is built."""
        return self.activations[-1]

    def further_outputs(self) -> list[onnx.ValueInfoProto]:
        """Return the features."""
        side = self.network.image_size // REDUCTION
        shape = ["N", self.network.head_KC.shape[1], side, side]
        return [helper.make_tensor_value_info(self.features, TensorProto.FLOAT, shape)]
