"""Turns a posted job spec into a job in the queue. Knows no HTTP."""

import hashlib

from api.jobs.spec_resolver import SpecResolver
from api.jobs.wake_up_throttle import WakeUpThrottle
from api.records.storage_space import StorageSpace
from model.host.failpoints import Failpoint, reach
from model.spec import JobSpec
from worker.queue.calls.requests import Idempotency
from worker.queue.calls.trainings import NewJob, Submitted
from worker.queue.store import AsyncJobStore


class Submissions:
    """Submits jobs to the queue and requests a wake-up for each."""

    def __init__(
        self, store: AsyncJobStore, resolver: SpecResolver, space: StorageSpace, wake_ups: WakeUpThrottle
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._space = space
        self._wake_ups = wake_ups

    async def submit(self, spec: JobSpec, caller: str, idempotency_key: str | None) -> Submitted:
        """Queue a job; a repeated idempotency key returns the job that the first request queued.

        Raises:
            StorageFullError: storage has too little room for the job's checkpoints and model.
            ApiError: the spec cannot be resolved, as in `SpecResolver.resolve`.
        """
        idempotency = Idempotency(idempotency_key, _hash(spec)) if idempotency_key else None
        if idempotency and (known := await self._store.replay(caller, idempotency)):
            return known
        await self._space.require()
        resolved, warnings = await self._resolver.resolve(spec)
        reach(Failpoint.SUBMIT_RESOLVED)
        submitted = await self._store.submit(
            NewJob(resolved, created_by=caller, warnings=tuple(warnings)), idempotency
        )
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._wake_ups.request()
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted


def _hash(spec: JobSpec) -> str:
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
