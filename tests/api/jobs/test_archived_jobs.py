"""The routes answer for an archived job as they did before archiving, until the job is deleted."""

import re
from datetime import UTC, datetime, timedelta

import httpx

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.attempts import claim
from tests.api.problems import problem_in
from worker.queue.attempt_messages import Report
from worker.queue.store import JobStore
from worker.upkeep.archiver import JobArchiver


def test_the_answers_for_an_archived_job_are_unchanged(
    client: httpx.Client, store: JobStore, settings: ApiSettings
) -> None:
    job_id = client.post("/jobs", json={"dataset": "digits"}).json()["id"]
    attempt = claim(store)
    attempt.report(1, 1, 2, 3)
    store.report(job_id, attempt.attempt_id, 2, Report(log_lines=("one", "two", "three")))
    attempt.fail()
    paths = [
        f"/jobs/{job_id}",
        f"/jobs/{job_id}?wait_s=20",
        f"/jobs/{job_id}/metrics",
        f"/jobs/{job_id}/metrics?limit=1",
        f"/jobs/{job_id}/metrics?after=1&limit=1",
        f"/jobs/{job_id}/logs?tail=2",
    ]
    before = [client.get(path).json() for path in paths]

    later = datetime.now(UTC) + timedelta(days=31)
    archiver = JobArchiver(store, lambda _: open_storage(settings.storage), 30, clock=lambda: later)
    assert archiver.archive_old_jobs() == [job_id]
    assert [client.get(path).json() for path in paths] == before
    assert client.get("/jobs").json()["data"] == []

    received = client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "1-1"}).text
    assert re.findall("^event: (.*)$", received, re.MULTILINE) == ["reset", "snapshot", "end"]
    assert '"status":"failed"' in received.splitlines()[-2]

    assert client.delete(f"/jobs/{job_id}").status_code == 204
    problem_in(client.delete(f"/jobs/{job_id}"), 404, "job_not_found")
    for path in paths:
        problem_in(client.get(path), 404, "job_not_found")
