"""Attempts at batch predictions, with a real store and real classifying processes, some of them killed."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from model.artifact.manifest import Manifest
from model.artifact.onnx_classifier import OnnxClassifier
from model.batch_prediction.options import PredictionOptions
from model.batch_prediction.rows import PART_ROWS, Row, stored_parts
from model.data.images import decode_image, resize_image
from model.host.failpoints import Failpoint
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.kinds.batch_prediction.samples import NO_IMAGE, submit_dataset, submit_zip, zip_of_images
from tests.worker.kinds.evaluation.samples import TESTED, TRAINED, make_dataset, make_model
from tests.worker.worker_context import open_prediction_context, run_next
from worker.queue.records import EvaluatedSplit
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry
from worker.registry.errors import DatasetInUseError, ModelInUseError
from worker.registry.model_registry import ModelRegistry

KILLED = "killed_classifier"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def rows_of(storage: Storage, prediction_id: str) -> list[Row]:
    return [row for part in stored_parts(storage, prediction_id) for row in part]


def answers(storage: Storage, model: Manifest, data: bytes) -> dict[str, str]:
    """Return the label of each image of a zip, classified one at a time."""
    network = OnnxClassifier.load(storage, model, threads=1)
    labels = {}
    with ZipFile(BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            if name != NO_IMAGE:
                image = decode_image(archive.read(name), image_size=model.preprocessing.image_size)
                pixels = resize_image(image, model.preprocessing.image_size, model.preprocessing.resize)
                labels[name] = model.classes[int(network.classify(pixels[np.newaxis]).argmax())]
    return labels


def test_after_kills_the_next_attempt_goes_on_and_no_row_is_lost_or_doubled(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    model = make_model(store, tmp_path)
    count = 2 * PART_ROWS + 40
    data = zip_of_images(count)
    prediction_id = submit_zip(store, storage, model, data)
    seen = []
    # Killed before the first part is known to the worker, while the second part is written, and again after it.
    for failpoint, nth in ((Failpoint.PREDICTION_PART_STORED, 2), (Failpoint.PUT_WRITTEN, 2)):
        with open_prediction_context(store, tmp_path, (KILLED, failpoint, str(nth))) as context:
            assert run_next(context).outcome is Outcome.CRASHED
        seen.append(len(rows_of(storage, prediction_id)))
    assert seen == [PART_ROWS, PART_ROWS]
    with open_prediction_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    rows, expected = rows_of(storage, prediction_id), answers(storage, model, data)
    assert [row.index for row in rows] == list(range(count + 1))
    assert {row.file: row.label for row in rows if row.status == "ok"} == expected
    assert all(len(row.scores) == 2 for row in rows if row.status == "ok")
    (failed,) = (row for row in rows if row.status == "error")
    assert (failed.file, failed.error and failed.error.code) == (NO_IMAGE, "not_an_image")
    ended = store.get_prediction(prediction_id)
    assert ended.result is not None
    assert (ended.status, ended.result.images, ended.result.failed) == (Status.SUCCEEDED, count + 1, 1)
    assert sum(ended.result.labels.values()) == count
    assert storage.list("uploads") == []


def test_an_attempt_that_stored_more_is_no_death_in_a_row(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    model = make_model(store, tmp_path)
    prediction_id = submit_zip(store, storage, model, zip_of_images(PART_ROWS + 1))
    with open_prediction_context(store, tmp_path, (KILLED, Failpoint.PREDICTION_PART_STORED, "1")) as context:
        for _ in range(2):
            run_next(context)
    with open_prediction_context(store, tmp_path, (KILLED, Failpoint.PREDICTION_PART_STORED, "2")) as context:
        run_next(context)
    assert store.get_prediction(prediction_id).status is Status.QUEUED
    with open_prediction_context(store, tmp_path, (KILLED, Failpoint.PREDICTION_PART_STORED, "1")) as context:
        for _ in range(2):
            run_next(context)
    ended = store.get_prediction(prediction_id)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILED, "crashed_repeatedly")
    assert storage.list("predictions") == storage.list("uploads") == []


def test_a_split_is_classified_while_neither_model_nor_dataset_can_be_deleted(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    model, facts = make_model(store, tmp_path), make_dataset(store, tmp_path, "class-0", "something else")
    prediction_id = submit_dataset(
        store, model, facts.id, EvaluatedSplit.ALL, PredictionOptions(min_score=0.9)
    )
    with pytest.raises(ModelInUseError):
        ModelRegistry(store.redis).begin_deletion(model.id)
    with pytest.raises(DatasetInUseError):
        DatasetRegistry(store.redis).begin_deletion(facts.id)
    with open_prediction_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    rows = rows_of(storage, prediction_id)
    assert len({row.image for row in rows}) == len(rows) == 2 * (TESTED + TRAINED)
    assert all(row.abstained == (row.score is not None and row.score < 0.9) for row in rows)
    assert [found.id for found in store.list_predictions(model.id)] == [prediction_id]
    assert [found.id for found in store.list_predictions()] == [prediction_id]
    DatasetRegistry(store.redis).begin_deletion(facts.id)


def test_a_zip_that_cannot_be_read_fails(store: JobStore, storage: Storage, tmp_path: Path) -> None:
    prediction_id = submit_zip(store, storage, make_model(store, tmp_path), b"PK\3\4 and no more")
    with open_prediction_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    ended = store.get_prediction(prediction_id)
    assert ended.error is not None
    assert (ended.error.code, "incomplete" in ended.error.message) == ("images_rejected", True)
