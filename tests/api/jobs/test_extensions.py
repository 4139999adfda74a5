"""A succeeded job is trained longer: a new job from its last training state, numbered on from its epochs."""

import httpx
import pytest

from api.settings import ApiSettings
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.attempts import claim, submit
from tests.api.problems import problem_in
from tests.worker.imported import dataset_record, import_record
from tests.worker.samples import draft
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry
from worker.registry.training_states import find_state, state_prefix

SETTINGS = {"dataset": "digits", "epochs": 3, "recipe": "thorough", "seed": 7, "promote": "never"}


@pytest.fixture
def storage(settings: ApiSettings) -> Storage:
    return open_storage(settings.storage)


def finish(client: httpx.Client, store: JobStore, storage: Storage, **spec: object) -> str:
    """Run a job of three epochs to its end as a worker does, and return its id."""
    job_id = submit(client, **SETTINGS | spec)
    attempt, model_id = claim(store), new_model_id()
    attempt.report(1, *range(1, 4))
    storage.put_bytes(f"{state_prefix(job_id, model_id)}-1.safetensors", b"state")
    store.commit_publish(job_id, attempt.attempt_id, draft(model_id))
    store.succeed(job_id, attempt.attempt_id)
    return job_id


def test_a_job_is_extended_by_more_epochs(client: httpx.Client, store: JobStore, storage: Storage) -> None:
    original = client.get(f"/jobs/{finish(client, store, storage)}").json()
    body = {"extend": original["id"], "epochs": 9, "name": "longer", "priority": 1}
    planned = client.post("/jobs?dry_run=true", json=body).json()
    posted = client.post("/jobs", json=body)
    assert posted.status_code == 202
    job = posted.json()
    source = {
        "job": original["id"],
        "model": original["result"]["model"]["id"],
        "epochs": 3,
        "progress": 0.25,
    }
    own = {"epochs": 12, "name": "longer", "extended_from": source}
    assert job["spec"] == planned["spec"] == original["spec"] | own
    assert job["recipe"]["settings"] == original["recipe"]["settings"] | {"epochs": 12}
    assert (job["name"], job["priority"]) == ("longer", 1)

    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.spec.extended_from
    assert claimed.spec.extended_from.model == source["model"]
    assert client.get(f"/jobs/{job['id']}").json()["attempts"][0]["from_epoch"] == 3


def test_the_epochs_are_numbered_on(client: httpx.Client, store: JobStore, storage: Storage) -> None:
    job_id = client.post("/jobs", json={"extend": finish(client, store, storage), "epochs": 2}).json()["id"]
    claim(store).report(1, 4, 5)
    rows = client.get(f"/jobs/{job_id}/metrics").json()
    assert [row["epoch"] for row in rows["data"]] == [4, 5]
    first = client.get(f"/jobs/{job_id}/metrics?limit=1").json()
    assert ([row["epoch"] for row in first["data"]], first["has_more"]) == ([4], True)
    rest = client.get(f"/jobs/{job_id}/metrics?limit=1&after=4").json()
    assert ([row["epoch"] for row in rest["data"]], rest["has_more"]) == ([5], False)
    assert [row.epoch for row in store.rows(job_id, limit=10_000)] == [4, 5]


def test_a_job_is_extended_by_time(client: httpx.Client, store: JobStore, storage: Storage) -> None:
    """Its three epochs took half a second each; a patience of the first job is not kept."""
    job_id = finish(client, store, storage, patience=2)
    spec = client.post("/jobs", json={"extend": job_id, "time_budget_s": 4.5}).json()["spec"]
    assert (spec["time_budget_s"], spec["extended_from"]["progress"]) == (4.5, 0.25)
    assert "patience" not in spec
    spec = client.post("/jobs", json={"extend": job_id, "epochs": 5, "patience": 1}).json()["spec"]
    assert (spec["epochs"], spec["patience"], spec["time_budget_s"]) == (8, 1, None)


def test_what_cannot_be_extended_says_what_to_do(
    client: httpx.Client, store: JobStore, storage: Storage
) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    waiting = submit(client)
    problem = problem_in(client.post("/jobs", json={"extend": waiting, "epochs": 1}), 409, "not_extendable")
    assert "queued" in problem["detail"]
    client.post(f"/jobs/{waiting}/cancel")

    job_id = finish(client, store, storage, dataset="ds_1")
    more = {"extend": job_id, "epochs": 1}
    assert client.post("/jobs", json=more | {"dataset": "pets"}).status_code == 202
    problem = problem_in(client.post("/jobs", json=more | {"dataset": "digits"}), 409, "other_dataset")
    assert "init_from" in problem["detail"]
    for field in ({}, {"epochs": 998}, {"epochs": 1, "seed": 1}):
        problem_in(client.post("/jobs", json={"extend": job_id, **field}), 422, "invalid_request")

    model_id = client.get(f"/jobs/{job_id}").json()["result"]["model"]["id"]
    assert find_state(storage, job_id, model_id)
    extended = client.post("/jobs", json=more).json()["id"]
    storage.delete(f"states/{job_id}")
    for body in (more, {"rerun_of": extended}):
        problem = problem_in(client.post("/jobs", json=body), 409, "training_state_gone")
        assert f"init_from: {model_id}" in problem["detail"]


def test_the_state_goes_with_its_job_and_with_its_dataset_nothing_is_extended(
    client: httpx.Client, store: JobStore, storage: Storage
) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    job_id = finish(client, store, storage, dataset="ds_1")
    DatasetRegistry(store.redis).begin_deletion("ds_1")
    problem_in(client.post("/jobs", json={"extend": job_id, "epochs": 1}), 409, "dataset_gone")
    assert client.delete(f"/jobs/{job_id}").status_code == 204
    assert storage.list(f"states/{job_id}/") == []
