"""The ONNX graphs compute what the network computes."""

import subprocess
import sys
from dataclasses import replace
from typing import cast

import numpy as np
import onnx
import pytest
import torch

from model.errors import CorruptArtifactError
from model.export.engine import Engine
from model.export.graph import GraphBuilder
from model.export.interface import LOGITS, PROBABILITIES
from model.export.quantization import find_maxima, quantize
from model.export.trained_network import TrainedNetwork
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9


def random_images(count: int, size: int = 18) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def network_logits(network: ResNet9, trained: TrainedNetwork, images: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        images_NCHW = Normalisation(trained.mean, trained.std).apply(torch.from_numpy(images))
        return cast("torch.Tensor", network(images_NCHW))


def test_the_float_graph_gives_the_logits_and_the_calibrated_probabilities_of_the_network(
    network: ResNet9, trained: TrainedNetwork
) -> None:
    images = random_images(5)
    logits, probabilities = Engine(GraphBuilder(trained).build(), 1).run(images, [LOGITS, PROBABILITIES])
    expected = network_logits(network, trained, images)
    assert logits == pytest.approx(expected.numpy(), abs=1e-4)
    assert probabilities == pytest.approx(torch.softmax(expected / 1.7, 1).numpy(), abs=1e-4)


def test_the_quantized_graph_gives_nearly_the_same_probabilities(
    network: ResNet9, trained: TrainedNetwork
) -> None:
    images = random_images(40)
    engine = Engine(quantize(trained, random_images(64), 1), 1)
    [probabilities] = engine.run(images, [PROBABILITIES])
    expected = torch.softmax(network_logits(network, trained, images) / 1.7, 1).numpy()
    assert np.abs(probabilities - expected).max() < 0.1
    assert np.abs(probabilities - expected).mean() < 0.02


def test_the_quantized_graph_is_an_integer_network_of_a_quarter_of_the_size(trained: TrainedNetwork) -> None:
    plain, quantized = GraphBuilder(trained).build(), quantize(trained, random_images(2), 1)
    assert len(quantized) < 0.4 * len(plain)
    for file in (plain, quantized):
        onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
    weights = {
        constant.name: onnx.numpy_helper.to_array(constant)
        for constant in onnx.load_from_string(quantized).graph.initializer
    }
    products = [array for name, array in weights.items() if name.endswith("weight.quantized")]
    assert len(products) == 8
    assert all(array.dtype == np.int8 and np.abs(array.astype(int)).max() == 64 for array in products)


def test_maxima_are_those_of_all_images_in_batches_of_any_size(trained: TrainedNetwork) -> None:
    images = random_images(6)
    alone = [find_maxima(trained, images[index : index + 1], 1) for index in range(6)]
    together = find_maxima(trained, images, 1)
    assert {name: max(maxima[name] for maxima in alone) for name in together} == pytest.approx(together)


def test_a_network_whose_weights_are_all_zero_can_be_quantized(trained: TrainedNetwork) -> None:
    zeros = {name: np.zeros_like(array) for name, array in trained.weights.items()}
    engine = Engine(quantize(replace(trained, weights=zeros), random_images(2), 1), 1)
    assert engine.run(random_images(2), [PROBABILITIES])[0] == pytest.approx(np.full((2, 3), 1 / 3))


def test_a_damaged_graph_is_refused(trained: TrainedNetwork) -> None:
    graph = GraphBuilder(trained).build()
    for damaged in (b"", b"no graph", graph[: len(graph) // 2]):
        with pytest.raises(CorruptArtifactError):
            Engine(damaged, 1)


def test_exporting_and_running_a_network_imports_no_torch() -> None:
    code = "import sys, model.export.quantization; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
