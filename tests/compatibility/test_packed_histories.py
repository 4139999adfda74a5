"""The previous release beside this one reads an ended job, and still answers once the history of the job is packed."""

import json
from typing import Any

import httpx
import pytest

from ninefold.client.events import read_events
from tests.compatibility.deployment import Api, Deployment, Release
from tests.worker.packing import packer
from tests.worker.samples import claim, make_job, row
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server.connection import connect


def _ended_job(store: JobStore) -> str:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1), row(2)), log_lines=("one",)))
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="."))
    return job_id


def _events(api: Api, job_id: str, last_id: str) -> list[tuple[str | None, str, Any]]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with httpx.stream("GET", f"{api.url}/jobs/{job_id}/events", headers=headers, timeout=30) as response:
        return [(event.id, event.kind, event.data) for event in read_events(response)]


@pytest.mark.timeout(120)
def test_the_previous_release_reads_an_ended_job(deployment: Deployment, old: Release) -> None:
    api = deployment.start_api(old)
    with connect(deployment.valkey.url) as client:
        store = JobStore(client)
        job_id = _ended_job(store)
        stored = [(event.id, event.event, json.loads(event.data)) for event in store.events(job_id).events]
        assert packer(store, after_days=1).pack_all() == []
        for place in range(len(stored) - 1):
            assert _events(api, job_id, stored[place][0])[1:] == stored[place + 1 :]
        assert [shown["epoch"] for shown in api.metrics(job_id)] == [1, 2]

        shown = api.job(job_id)
        assert packer(store).pack_all() == [job_id]
        assert api.job(job_id) == shown
        assert [listed["id"] for listed in api.jobs()] == [job_id]
        for last_id, kinds in (("", ["snapshot", "end"]), (stored[1][0], ["reset", "snapshot", "end"])):
            assert [kind for _, kind, _ in _events(api, job_id, last_id)] == kinds
        assert httpx.delete(f"{api.url}/jobs/{job_id}").status_code == 204
        assert list(client.scan_iter(f"*{job_id}")) == []
