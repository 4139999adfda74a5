"""Jobs on few photos start from the starter, if there is one, and say so."""

import httpx
import pytest

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.worker.imported import dataset_record, import_record
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry


@pytest.fixture
def starter(store: JobStore, settings: ApiSettings) -> str:
    """The id of the starter; the service also has a small dataset, pets."""
    import_record(store, dataset_record("ds_1", "pets"))
    manifest = publish_model(open_storage(settings.storage), name="starter")
    registry = ModelRegistry(store.redis)
    registry.register(manifest.model_dump_json())
    registry.set_alias("starter", "production", 1, by=None)
    return manifest.id


def test_a_small_set_starts_from_the_starter_and_says_so(client: httpx.Client, starter: str) -> None:
    job = client.post("/jobs", json={"dataset": "pets"}).json()
    assert job["spec"]["init_from"] == starter
    assert "starter:1" in job["warnings"][0]
    assert "init_from null" in job["warnings"][0]
    plan = client.post("/jobs?dry_run=true", json={"dataset": "pets"}).json()
    assert (plan["spec"], plan["warnings"]) == (job["spec"], job["warnings"])
    rerun = client.post("/jobs", json={"rerun_of": job["id"]}).json()
    assert rerun["spec"]["init_from"] == starter
    for name in ("digits", "cifar10"):
        assert client.post("/jobs", json={"dataset": name}).json()["spec"]["init_from"] is None


def test_null_starts_from_random_weights(client: httpx.Client, starter: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    job = client.post("/jobs", json={"dataset": "pets", "init_from": None}, headers=headers).json()
    assert job["spec"]["init_from"] is None
    assert starter not in " ".join(job["warnings"])
    other = client.post("/jobs", json={"dataset": "pets"}, headers=headers)
    problem_in(other, 422, "idempotency_mismatch")
    rerun = client.post("/jobs", json={"rerun_of": job["id"]}).json()
    assert rerun["spec"]["init_from"] is None


def test_a_service_without_a_starter_says_how_to_make_one(
    client: httpx.Client, store: JobStore, settings: ApiSettings
) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    assert client.post("/jobs", json={"dataset": "pets"}).json()["spec"]["init_from"] is None
    refused = client.post("/jobs", json={"dataset": "pets", "init_from": "starter"})
    assert "ninefold models starter build" in problem_in(refused, 422, "model_not_found")["detail"]
    imported = publish_model(open_storage(settings.storage), name="starter")
    ModelRegistry(store.redis).register(imported.model_dump_json())
    refused = client.post("/jobs", json={"dataset": "pets", "init_from": "starter"})
    assert "promote one" in problem_in(refused, 422, "no_production")["detail"]


def test_a_job_that_would_make_a_starter_says_so_unless_that_is_what_it_is_for(client: httpx.Client) -> None:
    job = {"dataset": "digits", "name": "starter"}
    (warning,) = (one for one in client.post("/jobs", json=job).json()["warnings"] if "starter" in one)
    assert "Give the job another name" in warning
    built = client.post("/jobs", json=job | {"init_from": None}).json()
    assert not [one for one in built["warnings"] if "starter" in one]
