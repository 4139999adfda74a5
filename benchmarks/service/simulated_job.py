"""A job whose attempt reports events at a chosen rate; the benchmark takes the place of the worker and the trainer."""

import time

import httpx

from worker.queue.attempt_messages import TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


class SimulatedJob:
    """Submits a job through the API, claims it, and reports log lines for it."""

    def __init__(self, redis_url: str, port: int) -> None:
        answer = httpx.post(f"http://127.0.0.1:{port}/jobs", json={"dataset": "digits", "epochs": 1})
        self.job_id: str = answer.raise_for_status().json()["id"]
        self._store = JobStore(connect(redis_url))
        self._attempt_id = new_attempt_id()
        self._seq = 0
        claimed = self._store.claim("benchmark:1", self._attempt_id)
        assert claimed is not None

    def report_lines(self, duration_s: float, per_s: float) -> None:
        """Report a log line `per_s` times a second for `duration_s`; renew the lease once a second.

        Not progress, which is in the feed alone and has no id by which a watcher could count it.
        """
        started_at = time.monotonic()
        for number in range(int(duration_s * per_s)):
            time.sleep(max(0.0, started_at + number / per_s - time.monotonic()))
            if number % per_s == 0:
                self._store.renew(self.job_id, self._attempt_id)
            self._report(TrainingReport(log_lines=(f"step {number} of a simulated training: loss 0.1234",)))

    def report_log(self, count: int, line: str) -> None:
        """Report `line` as trainer output `count` times, without pauses."""
        for _ in range(count):
            self._report(TrainingReport(log_lines=(line,)))

    def fail(self) -> None:
        """End the job with an error, which ends every event stream of it."""
        error = JobError(code="training_diverged", message="The loss was not finite.")
        self._store.finish(self.job_id, self._attempt_id, Outcome.FAILED, error)

    def events_request(self, last_id: bytes = b"") -> bytes:
        """Return the HTTP request for the events of this job that follow `last_id`."""
        resumed = b"Last-Event-ID: %s\r\n" % last_id if last_id else b""
        return b"GET /jobs/%s/events HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % (self.job_id.encode(), resumed)

    def event_ids(self) -> list[bytes]:
        """Return the ids of all events in the job's Redis stream."""
        entries = self._store.redis.xrange(redis_keys.EVENTS + self.job_id)
        return [event_id.encode() for event_id, _ in entries]  # type: ignore[union-attr]

    def _report(self, changes: TrainingReport) -> None:
        self._seq += 1
        self._store.report(self.job_id, self._attempt_id, self._seq, changes)
