"""An export carries the proof of what its graphs compute."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.errors import ExportError
from model.export.exporting import export_network
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE
from model.export.held_out import parse_held_out
from model.export.proof import compare
from model.export.samples import ExportSamples
from model.export.trained_network import TrainedNetwork
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9

LABELS = np.arange(200) % 3


def random_images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 18, 18, 3), dtype=np.uint8)


def probabilities(network: ResNet9, trained: TrainedNetwork, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        logits = network(Normalisation(trained.mean, trained.std).apply(torch.from_numpy(images)))
    return np.asarray((logits / trained.temperature).softmax(1))


def test_an_export_has_both_graphs_and_the_facts_about_them(
    network: ResNet9, trained: TrainedNetwork
) -> None:
    validation = random_images(30)
    labels = probabilities(network, trained, validation).argmax(1)
    samples = ExportSamples(random_images(20), validation, labels)
    export = export_network(trained, samples, lambda images: probabilities(network, trained, images), 1)
    assert set(export.files) == {ONNX_FILE, INT8_FILE, HELD_OUT_FILE}
    held_out = parse_held_out(export.files[HELD_OUT_FILE]).label_probabilities
    expected = np.sort(probabilities(network, trained, validation).max(1))
    np.testing.assert_allclose(held_out["float32"], expected, atol=1e-4)
    assert len(held_out["int8"]) == 30
    assert export.facts.fp32.max_difference < 1e-4
    assert export.facts.int8 is not None
    assert export.facts.int8.images == 30
    assert export.facts.int8.accuracy_fp32 == 1
    assert export.facts.int8.accuracy_int8 == export.facts.int8.agreement


def test_without_validation_images_there_is_no_quantized_graph(
    network: ResNet9, trained: TrainedNetwork
) -> None:
    samples = ExportSamples(random_images(4), random_images(0), LABELS[:0])
    export = export_network(trained, samples, lambda images: probabilities(network, trained, images), 1)
    assert set(export.files) == {ONNX_FILE}
    assert export.facts.int8 is None


def test_a_graph_that_computes_something_else_is_not_exported(
    network: ResNet9, trained: TrainedNetwork
) -> None:
    samples = ExportSamples(random_images(4), random_images(4), LABELS[:4])
    other = replace(trained, temperature=0.3)
    with pytest.raises(ExportError, match="differs"):
        export_network(other, samples, lambda images: probabilities(network, trained, images), 1)


def _with_wrong(wrong: int) -> np.ndarray:
    scores = np.eye(3, dtype=np.float32)[LABELS] * 0.8 + 0.1
    scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
    result: np.ndarray = scores / scores.sum(1, keepdims=True)
    return result


@pytest.mark.parametrize(("wrong", "is_served"), [(0, True), (3, True), (5, False), (60, False)])
def test_the_quantized_graph_is_served_if_it_agrees_and_loses_no_accuracy(
    wrong: int, is_served: bool
) -> None:
    facts = compare(_with_wrong(0), _with_wrong(wrong), LABELS)
    assert facts.is_served == is_served
    assert facts.agreement == 1 - wrong / 200
    assert facts.difference_ci95[0] <= -wrong / 200 <= facts.difference_ci95[1]


def test_the_proof_has_the_calibration_error_of_both_graphs() -> None:
    facts = compare(_with_wrong(0), _with_wrong(50), LABELS)  # a confidence of 0.9 / 1.1
    assert facts.ece_fp32 == pytest.approx(1 - 0.9 / 1.1)
    assert facts.ece_int8 == pytest.approx(0.9 / 1.1 - 0.75)


def test_a_loss_beyond_the_interval_is_not_served_although_nearly_all_answers_agree() -> None:
    labels = np.arange(3000) % 3
    scores = np.eye(3, dtype=np.float32)[labels] * 0.8 + 0.1
    wrong = scores.copy()
    wrong[:45] = np.roll(wrong[:45], 1, axis=1)
    facts = compare(scores, wrong, labels)
    assert facts.agreement > 0.98
    assert not facts.is_served
