"""Publishes models with stored predictions, without any network."""

import numpy as np
import redis

from model.artifact.manifest import DatasetReference, FileFacts, Manifest, model_key
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE
from model.evaluation.stored_predictions import PREDICTIONS_FILE, StoredPredictions, serialise_predictions
from model.storage.interface import Storage
from tests.api.published import publish_model
from worker.registry.model_registry import ModelRegistry

DATASET = DatasetReference(id="ds_000000000000000000000001", name="shapes", content_hash="0" * 64)
CLASSES = 3


def some_predictions(images: int = 30) -> StoredPredictions:
    """Return predictions of which a third are wrong: every third image is taken for the next class, ever more surely."""
    labels_N = np.arange(images) % CLASSES
    predicted_N = np.where(np.arange(images) // CLASSES % 3 == 0, (labels_N + 1) % CLASSES, labels_N)
    logits_NK = np.zeros((images, CLASSES), np.float32)
    logits_NK[np.arange(images), predicted_N] = 1 + np.arange(images) / images
    ids_N = np.array([f"img_{number:024x}" for number in range(images)])
    return StoredPredictions(logits_NK, labels_N, np.full(images, -1, np.int32), ids_N)


def publish_evaluated(
    storage: Storage,
    redis_client: redis.Redis,
    predictions: StoredPredictions,
    *,
    name: str = "shapes",
    version: int = 1,
    dataset: DatasetReference = DATASET,
) -> Manifest:
    """Publish and register a model with these predictions for the test images of a dataset."""
    bare = publish_model(storage, name=name, version=version, classes=CLASSES)
    evaluation = evaluate(predictions, bare.classes, bare.temperature, dataset)
    files = {
        PREDICTIONS_FILE: serialise_predictions(predictions),
        EVALUATION_FILE: evaluation.model_dump_json().encode(),
    }
    facts = {file: FileFacts.of(data) for file, data in files.items()}
    for file, data in files.items():
        storage.put_bytes(model_key(bare.id, file), data)
    manifest = bare.model_copy(update={"files": {**bare.files, **facts}, "dataset": dataset})
    ModelRegistry(redis_client).register(manifest.model_dump_json())
    return manifest
