"""Datasets that one release imports, and jobs on them, beside the other release."""

import time

import pytest

from tests.compatibility.deployment import SPEC, THIS_RELEASE, Deployment, Release
from tests.ninefold.processes import eventually

IMPORTED_S = 60


@pytest.mark.timeout(400)
def test_an_old_worker_leaves_a_job_alone_until_its_dataset_is_imported(
    deployment: Deployment, old: Release
) -> None:
    api = deployment.start_api(THIS_RELEASE)
    old_worker = deployment.start_worker(old)
    assert deployment.upload(api, "pets")["status"] == "processing"
    job_id = api.submit("pets", **SPEC | {"name": "pets", "batch_size": 2})["id"]
    time.sleep(5)
    assert api.job(job_id)["status"] == "queued"
    assert api.job(job_id)["queued_reason"] == "waiting_for_dataset"
    assert api.job(job_id)["attempts"] == []

    deployment.start_importer(THIS_RELEASE)
    job = api.wait_for_success(job_id)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["succeeded"]
    assert job["attempts"][0]["worker"].endswith(f"-{old_worker.pid}")


def test_the_old_api_shows_a_job_that_waits_for_its_dataset(deployment: Deployment, old: Release) -> None:
    api, old_api = deployment.start_api(THIS_RELEASE), deployment.start_api(old)
    deployment.upload(api, "pets")
    job_id = api.submit("pets", **SPEC | {"name": "pets"})["id"]
    assert "pets" not in [dataset["name"] for dataset in old_api.datasets()]
    assert old_api.job(job_id)["status"] == "queued"
    assert [job["id"] for job in old_api.jobs()] == [job_id]


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_a_dataset_of_the_old_api_is_trained_by_a_new_worker(deployment: Deployment, old: Release) -> None:
    old_api, new_api = deployment.start_api(old), deployment.start_api(THIS_RELEASE)
    deployment.start_worker(THIS_RELEASE)
    dataset = deployment.upload(old_api, "pets")
    known = new_api.dataset("pets")
    assert {name: known[name] for name in dataset} == dataset
    deployment.upload(new_api, "birds", 7)
    eventually(lambda: "birds" in [one["name"] for one in old_api.datasets()], IMPORTED_S, "old API knows it")
    for api, name in ((old_api, "birds"), (new_api, "pets")):
        job_id = api.submit(name, **SPEC | {"name": name, "batch_size": 2})["id"]
        job = old_api.wait_for_success(job_id)
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["succeeded"]
