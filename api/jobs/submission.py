"""Turns a posted job spec into a job in the queue. Knows no HTTP."""

import hashlib

from api.http.callers import Principal
from api.jobs.extensions import Extensions
from api.jobs.reruns import Reruns
from api.jobs.schemas import Extension, JobPlan, Rerun
from api.jobs.spec_resolver import SpecResolver
from api.records.storage_space import StorageSpace
from api.records.wake_up_throttle import WakeUpThrottle
from model.host.failpoints import Failpoint, reach
from model.recipes.resolved_recipe import resolve_recipe
from model.recipes.starter import is_start_open
from model.spec import JobSpec, ResolvedSpec
from worker.errors import DatasetNotFoundError, ImportEndedError
from worker.queue.calls.requests import Idempotency
from worker.queue.calls.trainings import NewJob, Submitted
from worker.queue.kinds import Kind, Lane
from worker.queue.store import AsyncJobStore

Posted = JobSpec | Rerun | Extension
"""What may be posted: a spec, or a job that is repeated or trained longer."""

_FIRST_FIELDS = frozenset(
    (
        *("recipe", "epochs", "batch_size", "learning_rate", "weight_decay", "label_smoothing", "image_size"),
        *("resize", "augmentation", "horizontal_flip", "class_weighting", "seed", "gpus", "time_budget_s"),
        *("validation_fraction", "dataset", "name", "init_from", "promote", "tags"),
    )
)
"""The fields of a spec that the first release hashed always."""


class Submissions:
    """Submits jobs to the queue and requests a wake-up for each."""

    def __init__(
        self,
        store: AsyncJobStore,
        resolver: SpecResolver,
        reruns: Reruns,
        extensions: Extensions,
        *,
        space: StorageSpace,
        wake_ups: WakeUpThrottle,
        queue_limit: int,
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._reruns = reruns
        self._extensions = extensions
        self._space = space
        self._wake_ups = wake_ups
        self._queue_limit = queue_limit

    async def plan(self, spec: Posted, caller: Principal) -> JobPlan:
        """Return what would run; create nothing. Raises as `SpecResolver.plan`, or `new_job` of the copies, do."""
        if isinstance(spec, JobSpec):
            resolved, warnings = await self._resolver.plan(spec, caller.project)
            return JobPlan(spec=resolved, recipe=resolve_recipe(resolved), warnings=warnings)
        job = await self._new_job(spec, caller)
        assert isinstance(job.spec, ResolvedSpec)  # noqa: S101 - a copy has a resolved spec
        recipe = job.recipe or resolve_recipe(job.spec)
        return JobPlan(spec=job.spec, recipe=recipe, warnings=list(job.warnings))

    async def submit(self, spec: Posted, caller: Principal, idempotency_key: str | None) -> Submitted:
        """Queue a job; a repeated idempotency key returns the job that the first request queued.

        Raises:
            StorageFullError: storage has too little room for the job's checkpoints and model.
            ApiError: the spec cannot be resolved, as in `new_job` of `SpecResolver`, `Reruns` and `Extensions`.
        """
        idempotency = Idempotency(idempotency_key, _hash(spec)) if idempotency_key else None
        if idempotency and (
            known := await self._store.replay(Kind.TRAINING, caller.name, idempotency, caller.project)
        ):
            return Submitted(*known)
        await self._space.require()
        submitted = await self._resolve_and_submit(spec, caller, idempotency)
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._wake_ups.request(Lane.TRAINING)
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted

    async def _resolve_and_submit(
        self, spec: Posted, caller: Principal, idempotency: Idempotency | None
    ) -> Submitted:
        while True:
            job = await self._new_job(spec, caller)
            reach(Failpoint.SUBMIT_RESOLVED)
            try:
                return await self._store.submit(job, idempotency, queue_limit=self._queue_limit)
            except (ImportEndedError, DatasetNotFoundError):  # the dataset changed since it was looked up
                continue

    async def _new_job(self, spec: Posted, caller: Principal) -> NewJob:
        match spec:
            case Rerun():
                return await self._reruns.new_job(spec, caller)
            case Extension():
                return await self._extensions.new_job(spec, caller)
            case _:
                return await self._resolver.new_job(spec, caller)


def _hash(spec: Posted) -> str:
    """Hash what a request asks for: a body that only spells out defaults asks for the same job.

    Fields that the first release did not know count only when they differ from their default, so that a request which
    is repeated to an API of another release has the same hash. An `init_from` that is null asks for another job than one
    that is left out.
    """
    if not isinstance(spec, JobSpec):
        return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
    later = {
        name
        for name, field in JobSpec.model_fields.items()
        if name not in _FIRST_FIELDS and getattr(spec, name) == field.default
    }
    start = "" if spec.init_from or is_start_open(spec) else "from random weights"
    return hashlib.sha256((spec.model_dump_json(exclude=later) + start).encode()).hexdigest()
