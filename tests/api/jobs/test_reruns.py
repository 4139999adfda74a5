"""A job is repeated with its resolved spec and its recipe, whatever else became of it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.attempts import DIGITS, claim, submit
from tests.api.problems import problem_in
from tests.worker.imported import dataset_record, import_record, new_import
from tests.worker.samples import make_job, recipe_of_later_version
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry
from worker.upkeep.archiver import JobArchiver


def test_a_rerun_copies_spec_and_recipe(client: httpx.Client, store: JobStore) -> None:
    """The recipe is not this version's."""
    recipe = recipe_of_later_version(translate=0.4)
    original = store.submit(make_job(recipe=recipe, seed=7, tags=["night"], promote="never", patience=2)).job
    planned = client.post("/jobs?dry_run=true", json={"rerun_of": original.id}).json()
    posted = client.post("/jobs", json={"rerun_of": original.id, "priority": 3})
    assert posted.status_code == 202
    rerun = posted.json()
    assert rerun["id"] != original.id
    copied = original.spec.model_dump(mode="json") | {"rerun_of": original.id}
    assert rerun["spec"] == planned["spec"] == copied
    assert rerun["recipe"] == planned["recipe"] == recipe.model_dump(mode="json")
    assert (rerun["priority"], rerun["tags"], rerun["name"]) == (3, ["night"], original.name)

    own = {"name": "again", "promote": "first", "tags": []}
    other = client.post("/jobs", json={"rerun_of": original.id, **own}).json()
    assert other["spec"] == copied | own
    assert other["name"] == "again"


def test_a_rerun_has_the_gate_of_its_own_promotion(client: httpx.Client) -> None:
    gated = submit(client, promote="if_better", promote_margin=0.01)
    spec = client.post("/jobs", json={"rerun_of": gated}).json()["spec"]
    assert (spec["promote"], spec["promote_metric"], spec["promote_margin"]) == (
        "if_better",
        "accuracy",
        0.01,
    )
    spec = client.post("/jobs", json={"rerun_of": gated, "promote": "never"}).json()["spec"]
    assert "promote_metric" not in spec
    plain = {"rerun_of": submit(client), "promote": "if_better"}
    spec = client.post("/jobs", json=plain).json()["spec"]
    assert (spec["promote_metric"], spec["promote_margin"]) == ("accuracy", 0.0)


def test_a_rerun_takes_no_other_training_field(client: httpx.Client) -> None:
    job_id = submit(client)
    posted = client.post("/jobs", json={"rerun_of": job_id, "dataset": "digits", "seed": 0})
    problem = problem_in(posted, 422, "invalid_request")
    assert [error["param"] for error in problem["errors"]] == ["dataset", "seed"]
    assert "copies all training settings" in problem["detail"]
    problem_in(client.post("/jobs", json=DIGITS | {"rerun_of": None}), 422, "invalid_request")


@pytest.mark.parametrize("job_id", ["job_01m8gy3zwvqwycbs4v1zz2cnka", "digits"])
def test_an_unknown_job_is_not_repeated(client: httpx.Client, job_id: str) -> None:
    status, code = (404, "job_not_found") if job_id.startswith("job_") else (422, "invalid_request")
    problem_in(client.post("/jobs", json={"rerun_of": job_id}), status, code)


def test_an_archived_job_is_repeated(client: httpx.Client, store: JobStore, settings: ApiSettings) -> None:
    job_id = submit(client)
    claim(store).fail()
    before = client.get(f"/jobs/{job_id}").json()
    later = datetime.now(UTC) + timedelta(days=31)
    archiver = JobArchiver(store, lambda _: open_storage(settings.storage), 30, clock=lambda: later)
    assert archiver.archive_old_jobs() == [job_id]
    rerun = client.post("/jobs", json={"rerun_of": job_id}).json()
    assert rerun["spec"] == before["spec"] | {"rerun_of": job_id}
    assert rerun["recipe"] == before["recipe"]


def test_a_job_whose_dataset_is_gone_is_not_repeated(client: httpx.Client, store: JobStore) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    job_id = submit(client, dataset="ds_1")
    client.post(f"/jobs/{job_id}/cancel")
    assert client.post("/jobs", json={"rerun_of": job_id}).status_code == 202
    for job in client.get("/jobs").json()["data"]:
        client.post(f"/jobs/{job['id']}/cancel")
    DatasetRegistry(store.redis).begin_deletion("ds_1")
    problem = problem_in(client.post("/jobs", json={"rerun_of": job_id}), 409, "dataset_gone")
    assert "ds_1" in problem["detail"]
    assert "Add the same images again" in problem["detail"]


def test_a_job_that_waits_for_its_dataset_has_no_settings_to_copy(
    client: httpx.Client, store: JobStore
) -> None:
    store.submit_import(new_import("pets"))
    job_id = submit(client, dataset="pets")
    problem_in(client.post("/jobs", json={"rerun_of": job_id}), 409, "job_not_resolved")


def test_a_job_whose_initial_model_is_gone_is_not_repeated(client: httpx.Client, store: JobStore) -> None:
    job_id = store.submit(make_job(init_from="mdl_gone")).job_id
    problem = problem_in(client.post("/jobs", json={"rerun_of": job_id}), 409, "init_model_unavailable")
    assert "mdl_gone" in problem["detail"]


def test_what_will_make_the_weights_differ_is_warned_of(client: httpx.Client) -> None:
    job_id = submit(client, time_budget_s=60.0)
    warnings = client.post("/jobs", json={"rerun_of": job_id}).json()["warnings"]
    assert any("the clock decides" in warning for warning in warnings)
