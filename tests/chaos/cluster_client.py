"""Somebody who uses a cluster over HTTP: submits until answered, watches, cancels, and takes stock at the end."""

import json
import time
import uuid
from typing import Any

import httpx

from ninefold.client.events import Event, read_events
from tests.chaos.cluster import Cluster
from tests.chaos.history_checker import check
from tests.chaos.watcher import Watcher
from tests.ninefold.processes import eventually
from worker.queue.states import TERMINAL

PATIENCE_S = 60.0
SPEC = {"dataset": "digits", "recipe": "classic", "batch_size": 32, "image_size": 16, "promote": "never"}
"""Of the recipe whose steps are cheapest for few images: many jobs, each soon done."""
SETTLED_AFTER_LEASES = 1.5

Json = dict[str, Any]


class Customer:
    """One of a run: its jobs carry the run's tag and the key of their submission."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._history = cluster.history
        self.tag = f"run={uuid.uuid4().hex[:12]}"
        self._http = httpx.Client(timeout=10)
        self._watchers: list[Watcher] = []
        self._turn = 0
        self.job_ids: list[str] = []

    def close(self) -> None:
        """Watch no more."""
        for watcher in self._watchers:
            watcher.wait(0)
        self._http.close()

    def submit(
        self, epochs: int = 3, *, watchers: int = 1, tags: tuple[str, ...] = (), first: int = 0
    ) -> str:
        """Post a job, with one key, until there is an answer; `first` is the API to try first."""
        key = uuid.uuid4().hex
        self._history.note("asked", run=self.tag, key=key)
        self._turn = first
        body = SPEC | {"epochs": epochs, "tags": [self.tag, f"key={key}", *tags]}
        answer = self._insist("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        job_id = str(answer.json()["id"])
        self._history.note("accepted", run=self.tag, key=key, job_id=job_id)
        self.job_ids.append(job_id)
        for _ in range(watchers):
            self.watch(job_id)
        return job_id

    def watch(self, job_id: str) -> None:
        """Have one more watcher of a job."""
        self._watchers.append(Watcher(len(self._watchers), self._cluster.urls, job_id, self._history))

    def cancel(self, job_id: str) -> bool:
        """Ask for it until answered; whether it was agreed to."""
        answer = self._insist("POST", f"/jobs/{job_id}/cancel")
        assert answer.status_code in (200, 409), answer.text
        if answer.is_success:
            self._history.note("cancel_agreed", job_id=job_id)
        return answer.is_success

    def ask(self, job_id: str, verb: str) -> None:
        """Ask for a change until answered, whether it is agreed to or not."""
        if verb == "cancel":
            self.cancel(job_id)
            return
        answer = self._insist("POST", f"/jobs/{job_id}/{verb}")
        assert answer.status_code in (200, 409), answer.text

    def resume_all(self) -> None:
        """Let go on what was paused, once it is."""
        for job_id in self.job_ids:
            eventually(lambda j=job_id: self.job(j)["status"] != "pausing", PATIENCE_S, "it is paused")  # type: ignore[misc]
            if self.job(job_id)["status"] == "paused":
                self.ask(job_id, "resume")

    def job(self, job_id: str) -> Json:
        """A job as it stands."""
        answer = self._insist("GET", f"/jobs/{job_id}")
        assert answer.is_success, answer.text
        body: Json = answer.json()
        return body

    def outcomes(self, job_id: str) -> list[str | None]:
        """How its attempts ended."""
        return [attempt["outcome"] for attempt in self.job(job_id)["attempts"]]

    def wait_for_epoch(self, job_id: str, epoch: int = 1) -> None:
        """Until it has trained so far."""
        eventually(lambda: self._has_epoch(job_id, epoch), PATIENCE_S, f"epoch {epoch} of {job_id}")

    def settle(self, within_s: float = PATIENCE_S) -> None:
        """Wait until every job has ended, or for so long; then write down how everything stands."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not all(map(self._has_ended, self.job_ids)):
            time.sleep(0.1)
        for watcher in self._watchers:
            watcher.wait(max(1.0, deadline - time.monotonic()))
        self._take_stock()

    def assert_kept(self, within_s: float = PATIENCE_S) -> None:
        """Wait until every job has ended, then hold the history against every promise."""
        self.settle(within_s)
        check(self._history, self.tag)

    def _has_epoch(self, job_id: str, epoch: int) -> bool:
        metrics = self.job(job_id)["metrics"]
        return metrics is not None and metrics["epoch"] >= epoch

    def _has_ended(self, job_id: str) -> bool:
        answer = self._insist("GET", f"/jobs/{job_id}")
        return answer.is_success and answer.json()["status"] in TERMINAL

    def _take_stock(self) -> None:
        jobs = self._list_jobs()
        for job in jobs:
            epochs = [row["epoch"] for row in self._read(f"/jobs/{job['id']}/metrics")["data"]]
            self._history.note("final", job=job, epochs=epochs)
            if job["status"] in TERMINAL:
                self._replay(job["id"])
        for key in self._cluster.storage.list("models/"):
            if key.endswith("/manifest.json"):
                manifest = json.loads(self._cluster.storage.read_bytes(key))
                self._history.note("manifest", model_id=manifest["id"], job_id=manifest["job_id"])
        if any(job["status"] not in TERMINAL for job in jobs):
            self._note_leases()

    def _list_jobs(self) -> list[Json]:
        jobs: list[Json] = []
        page: Json = {"has_more": True}
        while page["has_more"]:
            after = f"&after={jobs[-1]['id']}" if jobs else ""
            page = self._read(f"/jobs?limit=100&tag={self.tag}{after}")
            jobs += page["data"]
        return jobs

    def _replay(self, job_id: str) -> None:
        """All events of an ended job, as one who comes late hears them."""
        for event in self._events(job_id):
            if event.kind != "snapshot":
                self._history.note("replayed", job_id=job_id, id=event.id, event=event.kind, data=event.data)

    def _events(self, job_id: str) -> list[Event]:
        answer = self._insist("GET", f"/jobs/{job_id}/events")
        return list(read_events(answer))

    def _note_leases(self) -> None:
        """Twice, further apart than any renewal."""
        for _ in range(2):
            for lease in self._cluster.store.watch().leases:
                self._history.note("lease", job_id=lease.job_id, renewals=lease.renewals)
            time.sleep(SETTLED_AFTER_LEASES)

    def _read(self, path: str) -> Json:
        answer = self._insist("GET", path)
        assert answer.is_success, answer.text
        body: Json = answer.json()
        return body

    def _insist(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask one API after the other until one answers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            url = self._cluster.urls[self._turn % len(self._cluster.urls)]
            try:
                answer = self._http.request(method, url + path, **request)
                if answer.status_code != 503:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"nobody answers {method} {path}"
            self._turn += 1
            time.sleep(0.05)
