"""Exports a trained network: the graphs in float32 and int8, each with the proof of what it computes. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import ExportError
from model.export.engine import Engine
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE, Float32Facts, OnnxFacts
from model.export.graph import OPSET, GraphBuilder
from model.export.held_out import FLOAT32, INT8, HeldOutScores
from model.export.proof import compare
from model.export.quantization import quantize
from model.export.samples import ExportSamples
from model.export.trained_network import TrainedNetwork

_COMPARED_IMAGES = 16
_LARGEST_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class Export:
    """The files of the graphs and of the held-out scores by name, and the facts about the graphs."""

    files: dict[str, bytes]
    facts: OnnxFacts


def export_network(
    network: TrainedNetwork,
    samples: ExportSamples,
    probabilities_of: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    threads: int,
) -> Export:
    """Build the graphs of a network, and measure what they compute.

    Args:
        network: with its normalisation and temperature.
        samples: images of the training.
        probabilities_of: the probabilities that the trained network itself gives to images.
        threads: that compute.

    Raises:
        ExportError: the graph does not compute what the network computes.
    """
    graph = GraphBuilder(network).build()
    engine = Engine(graph, threads)
    compared_NHWC = samples.training_NHWC[:_COMPARED_IMAGES]
    difference = float(np.abs(engine.probabilities(compared_NHWC) - probabilities_of(compared_NHWC)).max())
    if not difference <= _LARGEST_DIFFERENCE:
        raise ExportError(f"The ONNX graph differs from the network by {difference:.3g} in a probability.")
    files = {ONNX_FILE: graph}
    facts = OnnxFacts(opset=OPSET, fp32=Float32Facts(max_difference=difference, images=len(compared_NHWC)))
    if len(samples.labels_N):
        files[INT8_FILE] = quantize(network, samples.training_NHWC, threads)
        quantized = Engine(files[INT8_FILE], threads)
        float32_NK, int8_NK = (one.probabilities(samples.validation_NHWC) for one in (engine, quantized))
        proof = compare(float32_NK, int8_NK, samples.labels_N)
        held_out = HeldOutScores.of({FLOAT32: float32_NK, INT8: int8_NK}, samples.labels_N)
        files[HELD_OUT_FILE] = held_out.model_dump_json().encode()
        facts = facts.model_copy(update={"int8": proof})
    return Export(files, facts)
