"""A client that uses a cluster over HTTP, retries each request until it is answered, and records what it did and saw."""

import json
import time
import uuid
from typing import Any

import httpx

from ninefold.client.events import Event, read_events
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.watcher import Watcher
from tests.chaos.history.checker import check_history
from tests.ninefold.processes import eventually
from worker.queue.states import TERMINAL

TIMEOUT_S = 60.0
SPEC = {"dataset": "digits", "recipe": "classic", "batch_size": 32, "image_size": 16, "promote": "never"}
"""The recipe with the fastest steps for few images, so that jobs are short."""
BETWEEN_LEASE_READS_S = 1.5

Json = dict[str, Any]


class ClusterClient:
    """The client of one test run. Its jobs are tagged with the run and with the idempotency key of their submission."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._history = cluster.history
        self.tag = f"run={uuid.uuid4().hex[:12]}"
        self._http = httpx.Client(timeout=10)
        self._watchers: list[Watcher] = []
        self._url_index = 0
        self.job_ids: list[str] = []

    def close(self) -> None:
        """Stop all watchers."""
        for watcher in self._watchers:
            watcher.wait(0)
        self._http.close()

    def submit(
        self, epochs: int = 3, *, watchers: int = 1, tags: tuple[str, ...] = (), first: int = 0
    ) -> str:
        """Submit a job, retrying with the same key until it is answered; `first` is the API to try first."""
        key = uuid.uuid4().hex
        self._history.add("submitted", run=self.tag, key=key)
        self._url_index = first
        body = SPEC | {"epochs": epochs, "tags": [self.tag, f"key={key}", *tags]}
        response = self._request("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
        assert response.status_code == 202, response.text
        job_id = str(response.json()["id"])
        self._history.add("accepted", run=self.tag, key=key, job_id=job_id)
        self.job_ids.append(job_id)
        for _ in range(watchers):
            self.watch(job_id)
        return job_id

    def watch(self, job_id: str) -> None:
        """Start a watcher of a job."""
        self._watchers.append(Watcher(len(self._watchers), self._cluster.urls, job_id, self._history))

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; returns whether the cancel was accepted."""
        response = self._request("POST", f"/jobs/{job_id}/cancel")
        assert response.status_code in (200, 409), response.text
        if response.is_success:
            self._history.add("cancel_accepted", job_id=job_id)
        return response.is_success

    def change(self, job_id: str, verb: str) -> None:
        """Request a change of a job; the API may refuse it."""
        if verb == "cancel":
            self.cancel(job_id)
            return
        response = self._request("POST", f"/jobs/{job_id}/{verb}")
        assert response.status_code in (200, 409), response.text

    def resume_all(self) -> None:
        """Resume all paused jobs; waits for those that are still pausing."""
        for job_id in self.job_ids:
            eventually(lambda j=job_id: self.job(j)["status"] != "pausing", TIMEOUT_S, "the job is paused")  # type: ignore[misc]
            if self.job(job_id)["status"] == "paused":
                self.change(job_id, "resume")

    def job(self, job_id: str) -> Json:
        """Return a job as the API shows it."""
        return self._read(f"/jobs/{job_id}")

    def outcomes(self, job_id: str) -> list[str | None]:
        """Return the outcomes of all attempts at a job."""
        return [attempt["outcome"] for attempt in self.job(job_id)["attempts"]]

    def wait_for_epoch(self, job_id: str, epoch: int = 1) -> None:
        """Wait until a job has completed an epoch."""
        eventually(lambda: self._has_epoch(job_id, epoch), TIMEOUT_S, f"epoch {epoch} of {job_id}")

    def finish(self, within_s: float = TIMEOUT_S) -> None:
        """Wait until every job has finished, at most `within_s`; then record the final state of everything."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not all(map(self._has_finished, self.job_ids)):
            time.sleep(0.1)
        for watcher in self._watchers:
            watcher.wait(max(1.0, deadline - time.monotonic()))
        self._record_final_state()

    def check(self, within_s: float = TIMEOUT_S) -> None:
        """Wait until every job has finished, then check the history against every rule."""
        self.finish(within_s)
        check_history(self._history, self.tag)

    def _has_epoch(self, job_id: str, epoch: int) -> bool:
        metrics = self.job(job_id)["metrics"]
        return metrics is not None and metrics["epoch"] >= epoch

    def _has_finished(self, job_id: str) -> bool:
        response = self._request("GET", f"/jobs/{job_id}")
        return response.is_success and response.json()["status"] in TERMINAL

    def _record_final_state(self) -> None:
        jobs = self._list_jobs()
        for job in jobs:
            epochs = [row["epoch"] for row in self._read(f"/jobs/{job['id']}/metrics")["data"]]
            self._history.add("final", job=job, epochs=epochs)
            if job["status"] in TERMINAL:
                self._record_replay(job["id"])
        for key in self._cluster.storage.list("models/"):
            if key.endswith("/manifest.json"):
                manifest = json.loads(self._cluster.storage.read_bytes(key))
                self._history.add("manifest", model_id=manifest["id"], job_id=manifest["job_id"])
        if any(job["status"] not in TERMINAL for job in jobs):
            self._record_leases()

    def _list_jobs(self) -> list[Json]:
        jobs: list[Json] = []
        page: Json = {"has_more": True}
        while page["has_more"]:
            after = f"&after={jobs[-1]['id']}" if jobs else ""
            page = self._read(f"/jobs?limit=100&tag={self.tag}{after}")
            jobs += page["data"]
        return jobs

    def _record_replay(self, job_id: str) -> None:
        """Record all events of a finished job as a watcher receives them that connects now."""
        for event in self._events(job_id):
            if event.kind != "snapshot":
                self._history.add("replayed", job_id=job_id, id=event.id, event=event.kind, data=event.data)

    def _events(self, job_id: str) -> list[Event]:
        return list(read_events(self._request("GET", f"/jobs/{job_id}/events")))

    def _record_leases(self) -> None:
        """Record the renewal counts twice, with more time in between than between two renewals."""
        for _ in range(2):
            for lease in self._cluster.store.watch().leases:
                self._history.add("lease", job_id=lease.item_id, renewals=lease.renewals)
            time.sleep(BETWEEN_LEASE_READS_S)

    def _read(self, path: str) -> Json:
        response = self._request("GET", path)
        assert response.is_success, response.text
        body: Json = response.json()
        return body

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to one API after the other until one answers with another status than 503."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            url = self._cluster.urls[self._url_index % len(self._cluster.urls)]
            try:
                response = self._http.request(method, url + path, **options)
                if response.status_code != 503:
                    return response
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"no API answers {method} {path}"
            self._url_index += 1
            time.sleep(0.05)
