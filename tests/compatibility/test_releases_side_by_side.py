"""The previous release and this one work on the same Redis and storage, in every combination of API and worker."""

from collections import Counter

import pytest

from tests.compatibility.deployment import (
    SPEC,
    THIS_RELEASE,
    Api,
    Deployment,
    Json,
    Release,
    stored_events,
)
from worker.queue.store import JobStore
from worker.redis_server.connection import connect

EXIT_S = 5 * 30


def _outcomes(job: Json) -> list[str]:
    return [attempt["outcome"] for attempt in job["attempts"]]


def _check_published(api: Api, deployment: Deployment, job: Json) -> None:
    """Check that an API lists the model of a succeeded job, follows its aliases and classifies with it."""
    model = job["result"]["model"]
    assert [listed["id"] for listed in api.models(name=model["name"])] == [model["id"]]
    assert api.model(f"{model['name']}@production")["id"] == model["id"]
    predictions = api.predict([deployment.picture()], model=model["id"])["predictions"]
    assert len(predictions) == 1


@pytest.mark.chaos  # test_uploads_side_by_side.py has this direction in every run
@pytest.mark.timeout(300)
def test_an_old_worker_runs_a_job_of_the_new_api(deployment: Deployment, old: Release) -> None:
    api = deployment.start_api(THIS_RELEASE, predicts=True)
    deployment.start_worker(old)
    job_id = api.submit("digits", **SPEC, patience=3)["id"]  # which the old worker does not know
    streamed = stored_events(api, job_id)
    job = api.wait_for_success(job_id)
    assert _outcomes(job) == ["succeeded"]
    assert stored_events(api, job_id) == streamed
    assert {kind for _, kind, _ in streamed} >= {"state", "epoch", "model", "end"}
    assert [row["epoch"] for row in api.metrics(job_id)] == [1]
    _check_published(api, deployment, job)


@pytest.mark.chaos  # in every run test_golden_records.py claims a job of the old API, and test_packed_histories.py reports to it
@pytest.mark.timeout(300)
def test_a_new_worker_runs_a_job_of_the_old_api(deployment: Deployment, old: Release) -> None:
    api = deployment.start_api(old, predicts=True)
    deployment.start_worker(THIS_RELEASE)
    job_id = api.submit("digits", **SPEC)["id"]
    streamed = stored_events(api, job_id)
    job = api.wait_for_success(job_id)
    assert _outcomes(job) == ["succeeded"]
    assert stored_events(api, job_id) == streamed
    assert {kind for _, kind, _ in streamed} >= {"state", "epoch", "model", "end"}
    assert [row["epoch"] for row in api.metrics(job_id)] == [1]
    assert [listed["id"] for listed in api.jobs()] == [job_id]
    assert len(api.workers()) == 1
    _check_published(api, deployment, job)


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_jobs_of_both_apis_run_once_on_workers_of_both_releases(deployment: Deployment, old: Release) -> None:
    apis = [deployment.start_api(release) for release in (old, THIS_RELEASE)]
    workers = [deployment.start_worker(release) for release in (old, THIS_RELEASE)]
    job_ids = [apis[number % 2].submit("digits", **SPEC)["id"] for number in range(6)]
    jobs = [apis[1].wait_for_success(job_id) for job_id in job_ids]
    assert [_outcomes(job) for job in jobs] == [["succeeded"]] * len(jobs)
    holders = {job["attempts"][0]["worker"].rpartition("-")[2] for job in jobs}
    assert holders == {str(worker.pid) for worker in workers}
    assert sorted(job["result"]["model"]["version"] for job in jobs) == [1, 2, 3, 4, 5, 6]
    for api in apis:
        assert Counter(job["status"] for job in api.jobs()) == {"succeeded": len(jobs)}
        assert len(list(api.models())) == len(jobs)
        assert {worker["id"].rpartition("-")[2] for worker in api.workers()} == holders
    for job_id in job_ids:
        assert stored_events(apis[0], job_id) == stored_events(apis[1], job_id)
    with connect(deployment.valkey.url) as client:
        assert JobStore(client).watch().leases == []


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first_is_old", [True, False])
def test_a_drained_job_goes_on_in_the_other_release(
    deployment: Deployment, old: Release, first_is_old: bool
) -> None:
    first, second = (old, THIS_RELEASE) if first_is_old else (THIS_RELEASE, old)
    api = deployment.start_api(second)
    draining = deployment.start_worker(first)
    job_id = api.submit("digits", **SPEC | {"epochs": 5})["id"]
    api.wait_for_epoch(job_id, 2)
    draining.terminate()
    assert draining.wait(EXIT_S) == 0
    deployment.start_worker(second)
    job = api.wait_for_success(job_id)
    assert _outcomes(job) == ["drained", "succeeded"]
    assert job["attempts"][1]["from_epoch"] >= 2
    assert [row["epoch"] for row in api.metrics(job_id)] == list(range(1, 6))
