"""Publishes the model that the servers classify with: random weights, and its graphs in float32 and int8."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.servers import PublishedModel
from model.artifact.manifest import WEIGHTS_FILE, FileFacts, model_key
from model.artifact.network import stored_network
from model.artifact.onnx_classifier import OnnxClassifier
from model.export.exporting import export_network
from model.export.facts import OnnxFacts
from model.export.samples import ExportSamples
from model.host.cpus import cpu_quota
from model.storage.opening import open_storage
from tests.api.published import publish_model
from worker.queue.ids import new_model_id

CLASSES = 10


def published_model(folder: Path, image_size: int) -> PublishedModel:
    """Store a model whose int8 graph the predictor serves: random weights say nothing about accuracy, only about speed."""
    storage = open_storage(folder.as_uri())
    bare = publish_model(storage, classes=CLASSES, image_size=image_size)
    images_NHWC = _random_images(64, image_size)
    samples = ExportSamples(images_NHWC, images_NHWC, np.zeros(len(images_NHWC), np.int64))
    classifier = OnnxClassifier.load(storage, bare, cpu_quota())
    with stored_network(storage, bare) as network:
        export = export_network(network, samples, classifier.classify, cpu_quota())
    files = {**export.files, WEIGHTS_FILE: storage.read_bytes(model_key(bare.id, WEIGHTS_FILE))}
    facts = {name: FileFacts.of(data) for name, data in files.items()}
    manifest = bare.model_copy(update={"id": new_model_id(), "files": facts, "onnx": _served(export.facts)})
    for name, data in files.items():
        storage.put_bytes(model_key(manifest.id, name), data)
    storage.put_bytes(model_key(manifest.id, "manifest.json"), manifest.model_dump_json().encode())
    return PublishedModel(folder, manifest)


def _served(facts: OnnxFacts) -> OnnxFacts:
    assert facts.int8 is not None
    return facts.model_copy(update={"int8": facts.int8.model_copy(update={"is_served": True})})


def _random_images(count: int, size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
