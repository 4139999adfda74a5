"""Explanations against the gradients of the network, and of a network that is known to look for colours."""

import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from model.errors import CorruptArtifactError
from model.explanation.explainer import Explainer
from model.export.trained_network import TrainedNetwork
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9
from model.storage.interface import Storage
from tests.model.manifests import publish
from tests.model.networks import as_arrays, network_with_statistics

RED, GREEN, BLUE = range(3)
PATCH = 8


@pytest.fixture(scope="module")
def network(narrow_network: None) -> ResNet9:
    return network_with_statistics()


def random_image(size: int) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [16, 44, 96])
@pytest.mark.parametrize("label", [0, 2])
def test_the_evidence_is_gradient_times_features_and_sums_to_the_logit(
    network: ResNet9, size: int, label: int
) -> None:
    trained, image = as_arrays(network, size), random_image(size)
    explained = Explainer(trained, 1).explain(image, label)

    input_NCHW = Normalisation(trained.mean, trained.std).apply(torch.from_numpy(image[None]))
    features_NCHW = network.features(input_NCHW).detach().requires_grad_()
    logits_K = network.head(features_NCHW.amax(dim=(2, 3)))[0]
    above_mean = logits_K[label] - logits_K.mean()
    above_mean.backward()
    assert features_NCHW.grad is not None
    expected_HW = (features_NCHW.grad * features_NCHW).sum(dim=1)[0].detach().numpy()
    assert explained.evidence_HW == pytest.approx(expected_HW, abs=1e-3)
    assert explained.logit_above_mean == pytest.approx(above_mean.item(), abs=1e-3)


def colour_network(image_size: int) -> TrainedNetwork:
    """Make a network whose three classes are how red, green or blue the most colourful place of an image is.

    Its convolutions look at one pixel only, so that a position of the features knows 8 x 8 pixels and no more.
    """
    width = 8
    channels = {
        "0": (3, width),
        "1": (width, 2 * width),
        "3.first": (2 * width, 2 * width),
        "3.second": (2 * width, 2 * width),
        "4": (2 * width, 4 * width),
        "6": (4 * width, 8 * width),
        "8.first": (8 * width, 8 * width),
        "8.second": (8 * width, 8 * width),
    }
    weights: dict[str, np.ndarray] = {"head.weight": np.eye(3, 8 * width, dtype=np.float32)}
    for layer, (channels_in, channels_out) in channels.items():
        kernel = np.zeros((channels_out, channels_in, 3, 3), np.float32)
        if layer == "0":
            kernel[:3, :, 1, 1] = 1.5 * np.eye(3) - 0.5
        elif "." not in layer:  # both convolutions of a residual give 0, so that its input remains
            kernel[:3, :3, 1, 1] = np.eye(3)
        weights[f"features.{layer}.conv.weight"] = kernel
        for name, value in {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}.items():
            weights[f"features.{layer}.norm.{name}"] = np.full(channels_out, value, np.float32)
    return TrainedNetwork(weights, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), image_size, temperature=1.0)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (16, 40), (56, 56)])
def test_the_largest_evidence_is_on_the_patch_that_decides(top: int, left: int) -> None:
    size = 64
    image = np.repeat(random_image(size)[:, :, :1], 3, axis=2)  # grey
    image[top : top + PATCH, left : left + PATCH] = (250, 20, 20)
    image[32:40, 8:16] = (20, 150, 20)  # less green than the other patch is red
    explained = Explainer(colour_network(size), 1).explain(image, RED)
    assert np.argwhere(explained.evidence_HW > 0).tolist() == [[top // PATCH, left // PATCH]]
    assert np.argwhere(explained.evidence_HW < 0).tolist() == [[4, 1]]

    picture = np.array(Image.open(BytesIO(explained.overlay_png))).astype(int)
    scale = len(picture) // size
    rows, columns = np.nonzero(picture.max(axis=2) != picture.min(axis=2))
    middle = PATCH * scale // 2
    assert abs(rows.mean() - (top * scale + middle)) < middle
    assert abs(columns.mean() - (left * scale + middle)) < middle


def test_the_evidence_for_another_class_is_elsewhere() -> None:
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:PATCH, :PATCH], image[-PATCH:, -PATCH:] = (250, 20, 20), (20, 20, 240)
    explainer = Explainer(colour_network(64), 1)
    assert explainer.explain(image, RED).evidence_HW.argmax() == 0
    assert explainer.explain(image, BLUE).evidence_HW.argmax() == 63


def test_a_stored_model_is_explained_from_its_weights(network: ResNet9, storage: Storage) -> None:
    manifest = publish(storage, network, "mdl_a")
    image = random_image(16)
    expected = Explainer(replace(as_arrays(network, 16), temperature=1.0), 1).explain(image, 1)
    explained = Explainer.load(storage, manifest, 1).explain(image, 1)
    assert explained.evidence_HW == pytest.approx(expected.evidence_HW, abs=1e-5)


def test_weights_of_another_network_are_refused(storage: Storage) -> None:
    manifest = publish(storage, torch.nn.Linear(2, 3), "mdl_b")  # type: ignore[arg-type]
    with pytest.raises(CorruptArtifactError, match="another network"):
        Explainer.load(storage, manifest, 1)


def test_explaining_imports_no_torch() -> None:
    code = "import sys, model.explanation.explainer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
