"""Evaluates a published model on a dataset, and stores predictions and evaluation beside the model's files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from model.artifact.manifest import DatasetReference, Manifest
from model.artifact.weights import load_network
from model.comparison.seen_images import seen_by
from model.data.built_in.hashes import store_built_in_hashes
from model.data.prepared.cache import CacheLimits
from model.data.prepared.dataset import prepare_dataset
from model.data.prepared.images_in_file import ImagesInFile
from model.data.report.near_duplicates import number_groups
from model.device.device import open_device
from model.evaluation.predictions import BATCH_PIXELS, predict_logits
from model.evaluation.stored_predictions import StoredPredictions
from model.network.normalisation import Normalisation
from model.storage.interface import Storage
from worker.kinds.evaluation.evaluator.images import EvaluatedImages, choose_images
from worker.kinds.evaluation.evaluator.storing import EvaluationFiles
from worker.kinds.published_model import read_manifest
from worker.queue.records import EvaluatedSplit, EvaluationResult


@dataclass(frozen=True)
class Request:
    """What shall be evaluated."""

    evaluation_id: str
    model_id: str
    dataset: str
    split: EvaluatedSplit
    cache_dir: Path
    cache_limits: CacheLimits
    threads: int


def evaluate_model(
    request: Request,
    storage: Storage,
    on_prepared: Callable[[], None],
    on_progress: Callable[[int, int], None],
) -> EvaluationResult:
    """Predict all images, store the predictions and then the evaluation, and return what the record keeps.

    Raises:
        ModelNotFoundError: the model was deleted.
        ModelError: the model, the dataset or the storage cannot be read, or they have no class in common.
    """
    manifest = read_manifest(storage, request.model_id)
    prepared = prepare_dataset(
        request.dataset,
        manifest.preprocessing.image_size,
        manifest.preprocessing.resize,
        storage,
        request.cache_dir,
        limits=request.cache_limits,
    )
    images = choose_images(prepared, request.split, manifest.classes)
    on_prepared()
    predictions = StoredPredictions(
        _predict(manifest, storage, images, request.threads, on_progress),
        images.labels_N,
        number_groups(request.dataset, images.ids_N, storage),
        images.ids_N,
    )
    files = EvaluationFiles(storage, manifest, request.evaluation_id)
    dataset = DatasetReference.of(images.facts)
    if request.dataset != manifest.dataset.id:
        store_built_in_hashes(request.dataset, storage, request.cache_dir)
    seen = seen_by(manifest, request.dataset, images.ids_N, storage)
    return files.store(predictions, dataset, request.split, images.unknown_classes, seen)


def _predict(
    manifest: Manifest,
    storage: Storage,
    images: EvaluatedImages,
    threads: int,
    on_progress: Callable[[int, int], None],
) -> np.ndarray:
    """Return the logits of all images, float32 [N, classes], as the model's training computed those of its test images."""
    device = open_device("cpu", threads)
    network = load_network(storage, manifest).to(memory_format=torch.channels_last)
    normalisation = Normalisation(manifest.preprocessing.mean, manifest.preprocessing.std)
    size, done = max(1, BATCH_PIXELS // manifest.preprocessing.image_size**2), 0
    logits = []
    for file, rows_M in images.batches(size):
        batch = ImagesInFile(file, rows_M, device)
        logits.append(predict_logits(network, batch, normalisation, device).numpy())
        done += len(rows_M)
        on_progress(done, len(images.labels_N))
    return np.concatenate(logits)
