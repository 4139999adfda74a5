"""/jobs: submit, look, cancel, stop, pause, resume, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.datasets import listing as dataset_answers
from api.dependencies import AnyService, AskedJobs, IdempotencyKey, JobId, Limit, caller_of
from api.http.bodies import json_body_docs, read_json
from api.http.openapi import problems
from api.jobs import responses as job_answers
from api.jobs.submission import submissions_of
from api.records import jobs as archived_jobs
from api.schemas import EpochRow, Job, JobLogs, JobPlan, JobSpec, Page
from api.services import services_of

router = APIRouter(prefix="/jobs", tags=["jobs"])

_SPEC = json_body_docs(
    JobSpec,
    shortest={"dataset": "digits"},
    chosen={"dataset": "cifar10", "name": "pets", "epochs": 10, "recipe": "fast", "tags": ["first-try"]},
)
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.post(
    "",
    operation_id="create_job",
    summary="Train",
    status_code=202,
    response_model=Job,
    responses={
        200: {"model": JobPlan, "description": "With dry_run: what would run."},
        **problems(408, 413, 415),
    },
    openapi_extra=_SPEC,
)
async def create_job(
    request: Request,
    dry_run: Annotated[bool, Query(description="Validate and resolve; create nothing.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Queue a training job; what is left open is chosen from the dataset and the device."""
    spec = await read_json(request, JobSpec)
    submissions = submissions_of(request)
    if dry_run:
        resolved, warnings = await submissions.resolve(spec)
        return job_answers.json_response(JobPlan(spec=resolved, warnings=warnings).model_dump_json())
    submitted = await submissions.submit(spec, caller_of(request), idempotency_key)
    return job_answers.accepted(request, submitted)


@router.get("", operation_id="list_jobs", summary="All jobs, newest first", response_model=Page[Job])
async def list_jobs(
    request: Request,
    services: AnyService,
    filters: AskedJobs,
    limit: Limit = 20,
    after: Annotated[str, Query(pattern=r"^job_[0-9a-z]{26}$")] | None = None,
) -> Response:
    """A page of jobs; every filter that is given must hold."""
    filters = await dataset_answers.by_id(services, filters)
    page = await services.store.list_jobs(filters, limit=limit, after=after or "")
    return job_answers.job_list(request, page)


@router.get(
    "/{job_id}", operation_id="get_job", summary="One job", response_model=Job, responses=problems(404)
)
async def get_job(
    request: Request,
    job_id: JobId,
    wait_s: Annotated[float, Query(ge=0, le=60, description="Wait so long for a change of state.")] = 0,
) -> Response:
    """The job as it stands; with wait_s, as soon as its status or phase changes."""
    return job_answers.job(request, await job_answers.read_job(services_of(request), job_id, wait_s))


@router.post(
    "/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel",
    response_model=Job,
    responses=problems(404, 409),
)
async def cancel_job(request: Request, services: AnyService, job_id: JobId) -> Response:
    """End a job without a model: at once when it is queued, within seconds when it runs."""
    cancelled = await services.store.cancel(job_id)
    return job_answers.job(request, cancelled.model_dump_json())


@router.post(
    "/{job_id}/stop",
    operation_id="stop_job",
    summary="Stop, and publish the best so far",
    response_model=Job,
    responses=problems(404, 409),
)
async def stop_job(request: Request, services: AnyService, job_id: JobId) -> Response:
    """End a job early with a model: its best epoch so far. Before the first validated epoch there is none."""
    stopped = await services.store.stop(job_id)
    services.ringer.ring_soon()  # a paused job is queued by it
    return job_answers.job(request, stopped.model_dump_json())


@router.post(
    "/{job_id}/pause",
    operation_id="pause_job",
    summary="Pause",
    response_model=Job,
    responses=problems(404, 409),
)
async def pause_job(request: Request, services: AnyService, job_id: JobId) -> Response:
    """Save a checkpoint and free the device; the job waits until it is resumed, stopped or cancelled."""
    paused = await services.store.pause(job_id)
    return job_answers.job(request, paused.model_dump_json())


@router.post(
    "/{job_id}/resume",
    operation_id="resume_job",
    summary="Resume",
    response_model=Job,
    responses=problems(404, 409),
)
async def resume_job(request: Request, services: AnyService, job_id: JobId) -> Response:
    """Put a paused job back to its old place in the queue; it goes on from its checkpoint."""
    resumed = await services.store.resume(job_id)
    services.ringer.ring_soon()
    return job_answers.job(request, resumed.model_dump_json())


@router.delete(
    "/{job_id}",
    operation_id="delete_job",
    summary="Forget a job",
    status_code=204,
    responses=problems(404, 409),
)
async def delete_job(services: AnyService, job_id: JobId) -> None:
    """Delete a finished job's record, events and checkpoints; its model stays."""
    await archived_jobs.forget(services, job_id)


@router.get(
    "/{job_id}/metrics",
    operation_id="get_job_metrics",
    summary="One row an epoch",
    response_model=Page[EpochRow],
    responses={**_CSV, **problems(404)},
)
async def get_job_metrics(
    request: Request,
    services: AnyService,
    job_id: JobId,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    after: Annotated[int, Query(ge=0, le=1000, description="The last epoch that you have.")] = 0,
) -> Response:
    """Metrics rows, oldest first; as CSV with `Accept: text/csv`."""
    rows = await archived_jobs.rows(services, job_id, after, limit + 1)
    return job_answers.metrics(request, rows, limit)


@router.get(
    "/{job_id}/logs",
    operation_id="get_job_logs",
    summary="The trainer's output",
    response_model=JobLogs,
    responses=problems(404),
)
async def get_job_logs(
    services: AnyService, job_id: JobId, tail: Annotated[int, Query(ge=1, le=2000)] = 2000
) -> Response:
    """The last lines that the job's trainer wrote."""
    lines = await archived_jobs.logs(services, job_id, tail)
    return job_answers.json_response(JobLogs(job_id=job_id, lines=lines).model_dump_json())
