"""Publishes models with invented predictions for the test split of a real dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact.manifest import MANIFEST_FILE, DatasetReference, FileFacts, Manifest, model_key
from model.data.importing import import_dataset
from model.data.opening import open_dataset
from model.data.report.near_duplicates import number_groups
from model.evaluation.stored_predictions import PREDICTIONS_FILE, StoredPredictions, serialise_predictions
from model.storage.interface import Storage
from tests.model.manifests import draft, published


def import_photos(folder: Path, storage: Storage, splits: dict[str, dict[str, list[Image.Image]]]) -> str:
    """Import images by split and class; returns the id of the dataset."""
    for split, classes in splits.items():
        for name, images in classes.items():
            (folder / split / name).mkdir(parents=True)
            for number, image in enumerate(images):
                image.save(folder / split / name / f"{number}.png")
    return import_dataset(folder, storage, folder.name).facts.id


@dataclass(frozen=True)
class Publisher:
    """Publishes models into a storage."""

    storage: Storage
    cache_dir: Path

    def publish(
        self,
        model_id: str,
        dataset: str,
        is_right: Callable[[int], bool] = lambda _: True,
        *,
        init_from: str | None = None,
        confidence: float = 3.0,
        classes: list[str] | None = None,
        has_predictions: bool = True,
        **changes: object,
    ) -> Manifest:
        """Publish a model that is right on those test images for whose number `is_right` is true.

        With `classes`, the model has these classes instead of the dataset's, of which each image must have one.
        """
        with open_dataset(dataset, self.storage, self.cache_dir) as opened:
            ids, labels, known = np.array(opened.test.ids), np.array(opened.test.labels), opened.facts.classes
            reference = DatasetReference.of(opened.facts)
        names = classes or known
        labels = np.array([names.index(known[label]) for label in labels])
        answers = [
            label if is_right(number) else (label + 1) % len(names) for number, label in enumerate(labels)
        ]
        logits = np.zeros((len(ids), len(names)), np.float32)
        logits[np.arange(len(ids)), answers] = confidence
        groups = number_groups(dataset, ids, self.storage)
        data = serialise_predictions(StoredPredictions(logits, labels, groups, ids))
        facts = FileFacts.of(data)
        sketch = draft({PREDICTIONS_FILE: facts} if has_predictions else {})
        spec = sketch.spec.model_copy(update={"init_from": init_from, "dataset": dataset})
        sketch = sketch.model_copy(update={"dataset": reference, "classes": names, "spec": spec, **changes})
        manifest = published(model_id, sketch)
        self.storage.put_bytes(model_key(model_id, PREDICTIONS_FILE), data)
        self.storage.put_bytes(model_key(model_id, MANIFEST_FILE), manifest.model_dump_json().encode())
        return manifest
