"""Builds the graphs of an imported model again from its weights; no graph of a bundle is ever run."""

import math

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from model.errors import BundleRejectedError
from model.export.engine import Engine
from model.export.facts import INT8_FILE, ONNX_FILE
from model.export.graph import GraphBuilder
from model.export.quantization import quantize_with_scales, scale_names
from model.export.trained_network import TrainedNetwork

_IMAGES = 2


def rebuild_graphs(network: TrainedNetwork, int8: bytes | None, threads: int) -> dict[str, bytes]:
    """Return the files of the graphs by name.

    Args:
        network: of the model.
        int8: the quantized graph of the bundle, of which the scales of the activations are read.
        threads: that compute the predictions of two images.

    Raises:
        BundleRejectedError: the graph has no such scales, or the network gives something else than probabilities.
    """
    with np.errstate(all="ignore"):  # huge weights overflow, and then give no probabilities
        graphs = {ONNX_FILE: GraphBuilder(network).build()}
        if int8 is not None:
            graphs[INT8_FILE] = quantize_with_scales(network, _read_scales(int8, scale_names(network)))
    size = network.image_size
    images_NHWC = np.random.default_rng(0).integers(0, 256, (_IMAGES, size, size, 3), dtype=np.uint8)
    for name, graph in graphs.items():
        probabilities_NK = Engine(graph, threads).probabilities(images_NHWC)
        if not np.allclose(probabilities_NK.sum(1), 1, atol=1e-3):
            raise BundleRejectedError(f"The weights give no probabilities ({name}): they overflow.")
    return graphs


def _read_scales(graph: bytes, names: dict[str, str]) -> dict[str, float]:
    """Return the scale of each activation; `names` are those of the constants that hold them."""
    try:
        constants = {one.name: one for one in onnx.ModelProto.FromString(graph).graph.initializer}
    except DecodeError as error:
        raise BundleRejectedError(f"{INT8_FILE} is no ONNX file.") from error
    return {activation: _read_scale(constants.get(name)) for activation, name in names.items()}


def _read_scale(constant: onnx.TensorProto | None) -> float:
    # Not by onnx.numpy_helper, which reads another file if the constant says that its value is there.
    if constant is None or constant.data_type != onnx.TensorProto.FLOAT or len(constant.raw_data) != 4:
        raise BundleRejectedError(
            f"{INT8_FILE} was not made by Ninefold: the scale of an activation is missing."
        )
    scale = float(np.frombuffer(constant.raw_data, "<f4")[0])
    if not 0 < scale < math.inf:
        raise BundleRejectedError(f"{INT8_FILE} has a scale that is not a positive number.")
    return scale
