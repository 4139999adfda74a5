"""Zips of small images, and batch predictions to submit."""

from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import numpy as np
from PIL import Image

from model.artifact.manifest import Manifest
from model.batch_prediction.options import PredictionOptions
from model.storage.interface import Storage
from worker.queue.calls.batch_predictions import NewPrediction, PredictedDataset, PredictedZip
from worker.queue.ids import new_prediction_id, upload_key
from worker.queue.records import EvaluatedSplit
from worker.queue.store import JobStore

NO_IMAGE = "notes/read me.txt"


def zip_of_images(count: int) -> bytes:
    """Return a zip of images in two folders and one file that is no image; the paths sort by number."""
    random, file = np.random.default_rng(0), BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr(NO_IMAGE, "=1+1")
        for number in range(count):
            png = BytesIO()
            Image.fromarray(random.integers(0, 256, (9, 8, 3), dtype=np.uint8)).save(png, "PNG")
            archive.writestr(f"{number % 2}/{number:04}.png", png.getvalue())
    return file.getvalue()


def submit_zip(store: JobStore, storage: Storage, model: Manifest, data: bytes) -> str:
    """Store a zip and queue its prediction; return the id."""
    prediction_id = new_prediction_id()
    images = PredictedZip(
        key=upload_key(prediction_id), size_bytes=len(data), sha256=sha256(data).hexdigest()
    )
    storage.put_bytes(images.key, data)
    new = NewPrediction(
        prediction_id=prediction_id,
        model=model.id,
        model_name=model.name,
        images=images,
        options=PredictionOptions(top_k=2),
    )
    return store.submit_prediction(new).prediction.id


def submit_dataset(
    store: JobStore, model: Manifest, dataset: str, split: EvaluatedSplit, options: PredictionOptions
) -> str:
    """Queue the prediction of a dataset's split; return the id."""
    images = PredictedDataset(id=dataset, is_uploaded=dataset.startswith("ds_"), split=split)
    new = NewPrediction(
        prediction_id=new_prediction_id(),
        model=model.id,
        model_name=model.name,
        images=images,
        options=options,
    )
    return store.submit_prediction(new).prediction.id
