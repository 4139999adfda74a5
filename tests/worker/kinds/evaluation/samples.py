"""A published model with random weights, and datasets to evaluate it on."""

from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact.manifest import Manifest
from model.data.importing import import_dataset
from model.spec import DatasetFacts
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.worker.imported import import_record
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.records import EvaluatedSplit
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry

TESTED, TRAINED = 4, 6
"""Images of each class and split."""


def make_model(store: JobStore, folder: Path) -> Manifest:
    """Publish and register a model of the classes `class-0` to `class-2`."""
    manifest = publish_model(open_storage((folder / "storage").as_uri()))
    ModelRegistry(store.redis).register(manifest.model_dump_json())
    return manifest


def make_dataset(
    store: JobStore, folder: Path, *classes: str, storage: Storage | None = None
) -> DatasetFacts:
    """Import and register a dataset of noisy images with a train and a test split."""
    random = np.random.default_rng(0)
    for label in classes:
        for split, count in (("train", TRAINED), ("test", TESTED)):
            path = folder / "pets" / split / label
            path.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (24, 20, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path / f"{number}.png")
    storage = storage or open_storage((folder / "storage").as_uri())
    record = import_dataset(folder / "pets", storage, "pets")
    import_record(store, record)
    return record.facts


def submit(
    store: JobStore, model: Manifest, dataset: str, split: EvaluatedSplit = EvaluatedSplit.TEST
) -> str:
    """Queue an evaluation; return its id."""
    new = NewEvaluation(
        model=model.id,
        model_name=model.name,
        dataset=dataset,
        is_uploaded=dataset.startswith("ds_"),
        split=split,
        created_by="alice",
    )
    return store.submit_evaluation(new).run.id
