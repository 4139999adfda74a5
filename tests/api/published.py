"""Publishes models with random weights for tests: real files and real manifests."""

import functools
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
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
from model.artifact.network import stored_network
from model.bundle.epochs import EpochMetrics, TrainingEpochs
from model.bundle.names import EPOCHS_FILE
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE
from model.evaluation.stored_predictions import PREDICTIONS_FILE, StoredPredictions, serialise_predictions
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE, Float32Facts, Int8Facts, OnnxFacts
from model.export.graph import GraphBuilder
from model.export.held_out import HeldOutScores
from model.export.quantization import quantize
from model.network.resnet9 import ResNet9, published_weights
from model.spec import Resize, ResolvedSpec
from model.storage.interface import Storage
from worker.queue.ids import new_model_id

IMAGE_SIZE = 16
HELD_OUT = [number / 30 for number in range(1, 31)]
"""The probabilities of the labels of 30 held-out images."""


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
    horizontal_flip: bool = False,
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
        spec=_spec(name, image_size, horizontal_flip=horizontal_flip),
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


def publish_exported(storage: Storage, **options: Any) -> Manifest:
    """Store a model with everything that a training of this release stores; predictors on CPUs serve its int8 graph."""
    bare = publish_model(storage, **options)
    classes, size = len(bare.classes), bare.preprocessing.image_size
    with stored_network(storage, bare) as network:
        images_NHWC = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
        graphs = {ONNX_FILE: GraphBuilder(network).build(), INT8_FILE: quantize(network, images_NHWC, 1)}
    labels_N = np.arange(30) % classes
    logits_NK = np.eye(classes, dtype=np.float32)[(labels_N + (np.arange(30) < 6)) % classes]
    ids_N = np.array([f"img_{number:024x}" for number in range(30)])
    predictions = StoredPredictions(logits_NK, labels_N, np.full(30, -1, np.int32), ids_N)
    epochs = [
        EpochMetrics(epoch=e, train_loss=1 / e, train_accuracy=0.5, val_loss=1 / e, val_accuracy=0.5)
        for e in (1, 2)
    ]
    files = graphs | {
        PREDICTIONS_FILE: serialise_predictions(predictions),
        EVALUATION_FILE: evaluate(predictions, bare.classes, bare.temperature, bare.dataset)
        .model_dump_json()
        .encode(),
        HELD_OUT_FILE: HeldOutScores(label_probabilities=dict.fromkeys(("float32", "int8"), HELD_OUT))
        .model_dump_json()
        .encode(),
        EPOCHS_FILE: TrainingEpochs(epochs=epochs).model_dump_json().encode(),
    }
    facts = {name: FileFacts.of(data) for name, data in files.items()}
    proof = Int8Facts(
        images=30,
        agreement=1,
        accuracy_fp32=0.5,
        accuracy_int8=0.5,
        difference_ci95=(0, 0),
        log_loss_fp32=1,
        log_loss_int8=1,
        max_difference=0.1,
        is_served=True,
    )
    onnx = OnnxFacts(opset=20, fp32=Float32Facts(max_difference=0, images=8), int8=proof)
    manifest = bare.model_copy(update={"files": {**bare.files, **facts}, "onnx": onnx})
    for name, data in files.items():
        storage.put_bytes(model_key(bare.id, name), data)
    storage.delete(model_key(bare.id, "manifest.json"))
    storage.put_bytes(model_key(bare.id, "manifest.json"), json.dumps(manifest.stored()).encode())
    return manifest


def publish_copy(storage: Storage, *, original: Manifest, name: str, version: int) -> Manifest:
    """Store the files of a model under another id; the labels of the copy name the copy and its version."""
    classes = [f"{name}-{version}-{number}" for number in range(len(original.classes))]
    copy = original.model_copy(
        update={"id": new_model_id(), "name": name, "version": version, "classes": classes}
    )
    for file in original.files:
        storage.put_bytes(model_key(copy.id, file), storage.read_bytes(model_key(original.id, file)))
    storage.put_bytes(model_key(copy.id, "manifest.json"), json.dumps(copy.stored()).encode())
    return copy


def _spec(name: str, image_size: int, *, horizontal_flip: bool) -> ResolvedSpec:
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
            "horizontal_flip": horizontal_flip,
            "class_weighting": "none",
            "seed": 0,
            "validation_fraction": 0.1,
            "promote": "first",
            "tags": [],
        }
    )
