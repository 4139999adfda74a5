"""/jobs: submit, read, cancel, stop, pause, resume and delete jobs."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.feed.waiting import ChangeWaiter
from api.http.bodies import json_body_docs, read_json_by_key
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.disconnect import read_waiting
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.jobs.deletion import delete_job as delete_finished_job
from api.jobs.filters import Filters, with_dataset_id
from api.jobs.responses import (
    accepted_response,
    job_response,
    metrics_response,
    model_response,
    page_response,
    stored_job_response,
)
from api.jobs.schemas import Extension, Job, JobLogs, JobPlan, Rerun
from api.jobs.submission import Submissions
from api.records.job_json import is_finished, state_of
from api.records.jobs import JobId, JobReader
from api.records.storages import Storages
from api.records.wake_up_throttle import WakeUpThrottle
from model.spec import JobSpec
from worker.queue.kinds import Lane
from worker.queue.records import EpochRow
from worker.queue.store import AsyncJobStore
from worker.registry.datasets import AsyncDatasetRegistry

router = APIRouter(prefix="/jobs", tags=["jobs"])

Store = Annotated[AsyncJobStore, from_app(AsyncJobStore)]
Jobs = Annotated[JobReader, from_app(JobReader)]
AfterJob = Annotated[After, after_id("job_")]
WakeUps = Annotated[WakeUpThrottle, from_app(WakeUpThrottle)]

_SPEC = json_body_docs(
    JobSpec,
    Rerun,
    Extension,
    shortest={"dataset": "digits"},
    chosen={"dataset": "cifar10", "name": "pets", "epochs": 10, "recipe": "fast", "tags": ["first-try"]},
    again={"rerun_of": "job_01m8gy3zwvqwycbs4v1zz2cnka"},
    longer={"extend": "job_01m8gy3zwvqwycbs4v1zz2cnka", "epochs": 10},
)
_COPIES: Mapping[str, type[Rerun] | type[Extension]] = {"rerun_of": Rerun, "extend": Extension}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.post(
    "",
    operation_id="create_job",
    summary="Train",
    status_code=202,
    response_model=Job,
    responses={
        200: {"model": JobPlan, "description": "With dry_run: the spec that would run."},
        **problems(404, 408, 409, 413, 415),
    },
    openapi_extra=_SPEC,
)
async def create_job(
    request: Request,
    *,
    submissions: Annotated[Submissions, from_app(Submissions)],
    caller: Caller,
    dry_run: Annotated[bool, Query(description="Validate and resolve the spec; create nothing.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Queue a training job. Fields that are left out are chosen from the dataset and the device.

    `rerun_of` copies all fields of another job; `extend` trains a succeeded job longer.
    """
    spec = await read_json_by_key(request, _COPIES, JobSpec)
    if dry_run:
        return model_response(await submissions.plan(spec, caller))
    return accepted_response(request, await submissions.submit(spec, caller, idempotency_key))


@router.get("", operation_id="list_jobs", summary="All jobs, newest first", response_model=Page[Job])
async def list_jobs(
    request: Request,
    *,
    store: Store,
    datasets: Annotated[AsyncDatasetRegistry, from_app(AsyncDatasetRegistry)],
    filters: Filters,
    limit: Limit = 20,
    after: AfterJob | None = None,
) -> Response:
    """A page of the jobs that match every given filter."""
    filters = await with_dataset_id(filters, datasets)
    return page_response(request, await store.list_jobs(filters, limit=limit, after=after or ""))


@router.get(
    "/{job_id}", operation_id="get_job", summary="One job", response_model=Job, responses=problems(404)
)
async def get_job(
    request: Request,
    *,
    jobs: Jobs,
    caller: Caller,
    waiter: Annotated[ChangeWaiter, from_app(ChangeWaiter)],
    job_id: JobId,
    wait_s: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for a change of state.")] = 0,
) -> Response:
    """The job as it is now; with wait_s, as soon as its status or phase changes."""
    reading = waiter.read_changed(
        job_id,
        lambda: jobs.json(job_id, caller.project),
        state_of=state_of,
        is_final=is_finished,
        wait_s=wait_s,
    )
    job_json = await read_waiting(request, reading, wait_s)
    return stored_job_response(request, job_id, job_json)


@router.post(
    "/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel",
    response_model=Job,
    responses=problems(404, 409),
)
async def cancel_job(request: Request, store: Store, caller: Caller, job_id: JobId) -> Response:
    """End a job without a model: at once when it is queued, within seconds when it runs."""
    return job_response(request, await store.cancel(job_id, caller.project))


@router.post(
    "/{job_id}/stop",
    operation_id="stop_job",
    summary="Stop, and publish the best so far",
    response_model=Job,
    responses=problems(404, 409),
)
async def stop_job(
    request: Request, store: Store, wake_ups: WakeUps, caller: Caller, job_id: JobId
) -> Response:
    """End a job early and publish the model of its best epoch; refused before the first completed epoch."""
    stopped = await store.stop(job_id, caller.project)
    wake_ups.request(Lane.TRAINING)  # stopping a paused job queues it
    return job_response(request, stopped)


@router.post(
    "/{job_id}/pause",
    operation_id="pause_job",
    summary="Pause",
    response_model=Job,
    responses=problems(404, 409),
)
async def pause_job(request: Request, store: Store, caller: Caller, job_id: JobId) -> Response:
    """Save a checkpoint and free the device; the job waits until it is resumed, stopped or cancelled."""
    return job_response(request, await store.pause(job_id, caller.project))


@router.post(
    "/{job_id}/resume",
    operation_id="resume_job",
    summary="Resume",
    response_model=Job,
    responses=problems(404, 409),
)
async def resume_job(
    request: Request, store: Store, wake_ups: WakeUps, caller: Caller, job_id: JobId
) -> Response:
    """Return a paused job to its old position in the queue; training continues from its checkpoint."""
    resumed = await store.resume(job_id, caller.project)
    wake_ups.request(Lane.TRAINING)
    return job_response(request, resumed)


@router.delete(
    "/{job_id}",
    operation_id="delete_job",
    summary="Forget a job",
    status_code=204,
    responses=problems(404, 409),
)
async def delete_job(
    store: Store, storages: Annotated[Storages, from_app(Storages)], caller: Caller, job_id: JobId
) -> None:
    """Delete a finished job's record, events and checkpoints; its model stays."""
    await delete_finished_job(store, storages, job_id, caller.project)


@router.get(
    "/{job_id}/metrics",
    operation_id="get_job_metrics",
    summary="One row an epoch",
    response_model=Page[EpochRow],
    responses={**_CSV, **problems(404)},
)
async def get_job_metrics(
    request: Request,
    *,
    jobs: Jobs,
    caller: Caller,
    job_id: JobId,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    after: Annotated[int, Query(ge=0, le=1000, description="The last epoch that you have.")] = 0,
) -> Response:
    """Metrics rows, oldest first; as CSV with `Accept: text/csv`."""
    rows = await jobs.rows(job_id, caller.project, after, limit + 1)
    return metrics_response(request, rows, limit)


@router.get(
    "/{job_id}/logs",
    operation_id="get_job_logs",
    summary="The trainer's output",
    response_model=JobLogs,
    responses=problems(404),
)
async def get_job_logs(
    jobs: Jobs, caller: Caller, job_id: JobId, tail: Annotated[int, Query(ge=1, le=2000)] = 2000
) -> Response:
    """The last lines that the job's trainer wrote."""
    return model_response(JobLogs(job_id=job_id, lines=await jobs.log_lines(job_id, caller.project, tail)))
