"""Publishes models with random weights for tests: real files and real manifests."""

import functools
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from safetensors.torch import save

from model.artifact.manifest import (
    WEIGHTS_FILE,
    DatasetReference,
    FileFacts,
    Manifest,
    Metrics,
    Preprocessing,
    model_key,
)
from model.network.resnet9 import ResNet9, published_weights
from model.spec import Resize, ResolvedSpec
from model.storage.interface import Storage
from worker.queue.ids import new_model_id

IMAGE_SIZE = 16


def random_network(classes: int, seed: int) -> ResNet9:
    """Make a network whose weights depend on the seed only; the scores of two classes are never equal."""
    torch.manual_seed(seed)
    network = ResNet9(classes).eval()
    with torch.no_grad():
        network.head.weight.mul_(3)
    return network


@dataclass(frozen=True)
class _Weights:
    """The published weights of a random network."""

    data: bytes
    sha256: str
    parameters: int


@functools.lru_cache(maxsize=4)  # of 26 MB each; most tests publish the same
def _random_weights(classes: int, seed: int) -> _Weights:
    network = random_network(classes, seed)
    data = save(published_weights(network))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return _Weights(data, hashlib.sha256(data).hexdigest(), parameters)


def publish_model(
    storage: Storage,
    *,
    name: str = "shapes",
    version: int = 1,
    classes: int = 3,
    seed: int = 0,
    image_size: int = IMAGE_SIZE,
) -> Manifest:
    """Store weights and manifest of a model and return the manifest; the registry does not know the model yet."""
    model_id = new_model_id()
    weights = _random_weights(classes, seed)
    storage.put_bytes(model_key(model_id, WEIGHTS_FILE), weights.data)
    manifest = Manifest(
        id=model_id,
        name=name,
        version=version,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id=None,
        dataset=DatasetReference(id="shapes", name="shapes", content_hash="0" * 64),
        spec=_spec(name, image_size),
        classes=[f"class-{number}" for number in range(classes)],
        preprocessing=Preprocessing(
            image_size=image_size, resize=Resize.SQUASH, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)
        ),
        temperature=1.5,
        metrics=Metrics(
            test_accuracy=0.5, test_accuracy_tta=0.5, test_loss=1.0, ci95=(0.4, 0.6), best_epoch=1, epochs=1
        ),
        files={WEIGHTS_FILE: FileFacts(sha256=weights.sha256, size_bytes=len(weights.data))},
        parameters=weights.parameters,
        versions={"ninefold": "0", "torch": torch.__version__, "python": "3"},
    )
    storage.put_bytes(model_key(model_id, "manifest.json"), manifest.model_dump_json().encode())
    return manifest


def _spec(name: str, image_size: int) -> ResolvedSpec:
    return ResolvedSpec.model_validate(
        {
            "dataset": "shapes",
            "name": name,
            "recipe": "fast",
            "epochs": 1,
            "batch_size": 2,
            "learning_rate": 0.1,
            "weight_decay": 0.0,
            "label_smoothing": 0.0,
            "image_size": image_size,
            "resize": "squash",
            "augmentation": "none",
            "horizontal_flip": False,
            "class_weighting": "none",
            "seed": 0,
            "validation_fraction": 0.1,
            "promote": "first",
            "tags": [],
        }
    )
