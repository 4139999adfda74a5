"""The best weights of a checkpoint classify as torch does, before the training has ended."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model.artifact.checkpointed import read_checkpoint
from model.artifact.onnx_classifier import OnnxClassifier
from model.artifact.precision import Precision
from model.errors import CorruptArtifactError
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9
from tests.model.tiny_training import TinyTraining
from tests.stored import stored_path

pytestmark = pytest.mark.usefixtures("narrow_network")


def test_the_best_epoch_of_a_running_training_classifies(tiny_training: TinyTraining) -> None:
    saved = tiny_training.drain(tiny_training.spec(recipe="thorough"), before_step=5).saved[-1]
    assert saved.best_key
    manifest, graph = read_checkpoint(tiny_training.storage, saved.best_key, "job_test")
    assert manifest.classes == ["blue", "green", "red"]
    assert manifest.metrics.best_epoch == 1

    path = stored_path(tiny_training.storage, saved.best_key)
    best = {k.removeprefix("best/"): v for k, v in load_file(path).items() if k.startswith("best/")}
    network = ResNet9(3).eval()
    network.load_state_dict(best, strict=False)
    steps = manifest.preprocessing
    images_NHWC = np.random.default_rng(0).integers(
        0, 256, (4, steps.image_size, steps.image_size, 3), np.uint8
    )
    with torch.inference_mode():
        logits_NK = network(Normalisation(steps.mean, steps.std).apply(torch.from_numpy(images_NHWC)))
    classifier = OnnxClassifier(graph, steps.image_size, 1, Precision.FLOAT32)
    assert np.allclose(classifier.classify(images_NHWC), logits_NK.softmax(1).numpy(), atol=1e-4)

    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptArtifactError, match="job_test"):
        read_checkpoint(tiny_training.storage, saved.best_key, "job_test")
    tiny_training.storage.delete("checkpoints/job_test")
