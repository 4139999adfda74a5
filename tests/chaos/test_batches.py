"""Workers may die in the middle of a batch prediction: no row is lost, and none is there twice."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest

from model.batch_prediction.columns import read_columns
from model.batch_prediction.rows import PART_ROWS, folder_of, stored_parts
from tests.api.published import publish_model
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.retrying_http import RetryingHttp
from tests.ninefold.processes import eventually
from tests.worker.kinds.batch_prediction.samples import zip_of_images
from worker.registry.model_registry import ModelRegistry

pytestmark = pytest.mark.chaos

PARTS = 16
DEATHS_AFTER = (2, 7)
"""The stored parts at which the worker is killed that holds the batch."""
WITHIN_S = 120


@pytest.mark.timeout(300)
def test_no_row_is_lost_or_doubled_when_its_worker_is_killed(cluster: Cluster) -> None:
    model = publish_model(cluster.storage, name="killed-in-a-batch")
    ModelRegistry(cluster.store.redis).register(model.model_dump_json())
    data = zip_of_images(PARTS * PART_ROWS - 10)
    http = RetryingHttp(cluster.urls)
    posted = http.request("POST", f"/predictions?model={model.id}", content=data)
    assert posted.status_code == 202, posted.text
    prediction_id = posted.json()["id"]

    def has_parts(count: int) -> bool:
        return sum("/rows-" in key for key in cluster.storage.list(folder_of(prediction_id))) >= count

    for parts in DEATHS_AFTER:
        eventually(lambda parts=parts: has_parts(parts), WITHIN_S, f"{parts} parts are stored")  # type: ignore[misc]
        cluster.holder_of(prediction_id).kill()
    assert not has_parts(PARTS)
    cluster.repair()
    eventually(
        lambda: http.read(f"/predictions/{prediction_id}")["status"] == "succeeded", WITHIN_S, "it succeeds"
    )

    with ZipFile(BytesIO(data)) as archive:
        files = sorted(archive.namelist())
    rows = [row for part in stored_parts(cluster.storage, prediction_id) for row in part]
    assert [row.index for row in rows] == list(range(len(files)))
    assert [row.file for row in rows] == files
    lines = http.request("GET", f"/predictions/{prediction_id}/rows").text.splitlines()
    assert [json.loads(line)["file"] for line in lines] == files
    assert len(read_columns(cluster.storage, prediction_id)) == len(files)
    ended = http.read(f"/predictions/{prediction_id}")
    assert (ended["result"]["images"], ended["result"]["failed"]) == (len(files), 1)
    outcomes = [
        attempt["outcome"] for attempt in json.loads(cluster.store.get_json(prediction_id))["attempts"]
    ]
    assert outcomes == [*["worker_lost"] * len(DEATHS_AFTER), "succeeded"]
    assert cluster.storage.list("uploads/") == []
    http.close()
