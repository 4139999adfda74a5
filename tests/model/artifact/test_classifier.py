from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from model.artifact.classifier import Classifier, fuse_network
from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key
from model.artifact.onnx_classifier import OnnxClassifier
from model.errors import CorruptArtifactError, StorageError
from model.network.resnet9 import ResNet9
from model.storage.interface import Storage
from tests.model.manifests import publish
from tests.model.networks import network_with_statistics
from tests.stored import stored_path


@pytest.fixture(scope="module")
def network(narrow_network: None) -> Iterator[ResNet9]:
    """A network whose batch norms have running statistics that are not the initial ones."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield network_with_statistics()
    torch.set_num_threads(threads)


Load = Callable[[Storage, Manifest], Classifier | OnnxClassifier]


@pytest.fixture(params=["torch", "onnx"])
def load(request: pytest.FixtureRequest) -> Load:
    """Loads a model as the predictor does on a GPU and on a CPU."""
    if request.param == "onnx":
        return lambda storage, manifest: OnnxClassifier.load(storage, manifest, 1)
    return lambda storage, manifest: Classifier.load(storage, manifest, "cpu")


def random_images(count: int, size: int = 16) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_classify_returns_the_calibrated_softmax_of_the_network(
    network: ResNet9, storage: Storage, load: Load
) -> None:
    manifest = publish(storage, network, "mdl_a", temperature=1.7)
    images = random_images(5)
    scores = load(storage, manifest).classify(images)
    normalised = (images / 255 - (0.4, 0.5, 0.6)) / (0.2, 0.25, 0.3)
    with torch.inference_mode():
        logits = network(torch.from_numpy(normalised.transpose(0, 3, 1, 2)).float())
    assert scores.dtype == np.float32
    assert scores.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert scores == pytest.approx(torch.softmax(logits / 1.7, 1).numpy(), abs=1e-4)


def test_the_fused_network_has_the_same_outputs(network: ResNet9) -> None:
    fused = fuse_network(deepcopy(network))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    images_NCHW = torch.randn(4, 3, 16, 16)
    with torch.inference_mode():
        expected = network(images_NCHW)
        assert (fused(images_NCHW) - expected).abs().max() <= 1e-4 * expected.abs().max().clamp(min=1)


def test_an_image_gets_the_same_probabilities_in_a_batch_of_any_size(
    network: ResNet9, storage: Storage, load: Load
) -> None:
    classifier = load(storage, publish(storage, network, "mdl_a"))
    images = random_images(70)
    together = classifier.classify(images)
    assert together.shape == (70, 3)
    for index in (0, 63, 64, 69):
        assert classifier.classify(images[index : index + 1]) == pytest.approx(
            together[index : index + 1], abs=1e-4
        )


def test_read_only_images_are_accepted(network: ResNet9, storage: Storage, load: Load) -> None:
    classifier = load(storage, publish(storage, network, "mdl_a"))
    images = random_images(2)
    images.setflags(write=False)
    assert classifier.classify(images).shape == (2, 3)


@pytest.mark.parametrize(
    "images", [random_images(1, 17), random_images(1).astype(np.float32), random_images(1)[0]]
)
def test_images_of_another_shape_or_type_are_refused(
    images: np.ndarray, network: ResNet9, storage: Storage, load: Load
) -> None:
    classifier = load(storage, publish(storage, network, "mdl_a"))
    with pytest.raises(ValueError, match=r"uint8 \[N, 16, 16, 3\]"):
        classifier.classify(images)


def test_weights_with_another_sha256_are_refused(network: ResNet9, storage: Storage, load: Load) -> None:
    manifest = publish(storage, network, "mdl_a")
    path = stored_path(storage, model_key("mdl_a", WEIGHTS_FILE))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptArtifactError, match="mdl_a is not the file that was published"):
        load(storage, manifest)


def test_weights_of_another_network_are_refused(network: ResNet9, storage: Storage, load: Load) -> None:
    manifest = publish(storage, network, "mdl_a").model_copy(update={"classes": ["a", "b"]})
    with pytest.raises(CorruptArtifactError, match="another network"):
        load(storage, manifest)


def test_a_manifest_without_weights_is_refused(network: ResNet9, storage: Storage, load: Load) -> None:
    manifest = publish(storage, network, "mdl_a").model_copy(update={"files": {}})
    with pytest.raises(CorruptArtifactError, match="names no"):
        load(storage, manifest)


def test_the_error_for_missing_weights_names_the_object(
    network: ResNet9, storage: Storage, load: Load
) -> None:
    manifest = publish(storage, network, "mdl_a")
    storage.delete("models/mdl_a/")
    with pytest.raises(StorageError, match="no object"):
        load(storage, manifest)
