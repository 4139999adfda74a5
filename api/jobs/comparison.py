"""/jobs/{id}/comparison: jobs side by side, the settings that differ and the metrics of every epoch."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.jobs.responses import model_response
from api.jobs.schemas import ComparedJob, JobComparison
from api.records.jobs import JobId, JobReader
from model.comparison.result import Setting
from model.comparison.settings import different_job_settings
from model.spec import MAX_EPOCHS
from worker.queue.records import Job

router = APIRouter(prefix="/jobs", tags=["jobs"])

Jobs = Annotated[JobReader, from_app(JobReader)]
Others = Annotated[
    list[JobId],
    Query(alias="with", min_length=1, max_length=7, description="Another job; may be given several times."),
]


@router.get(
    "/{job_id}/comparison",
    operation_id="compare_jobs",
    summary="Jobs side by side",
    response_model=JobComparison,
    responses=problems(404),
)
async def compare_jobs(
    request: Request, jobs: Jobs, caller: Caller, job_id: JobId, others: Others
) -> Response:
    """Settings that differ, and the metrics of each epoch, also of jobs that have not ended."""
    records = [Job.model_validate_json(await jobs.json(one, caller.project)) for one in (job_id, *others)]
    rows = [await jobs.rows(job.id, caller.project, 0, MAX_EPOCHS) for job in records]
    settings = different_job_settings([(job.spec.model_dump(mode="json"), job.recipe) for job in records])
    comparison = JobComparison(
        jobs=[ComparedJob.of(job, epochs) for job, epochs in zip(records, rows, strict=True)],
        settings=[Setting(name=name, values=values) for name, values in settings.items()],
        models=_models_url(records, root_path(request)),
    )
    return model_response(comparison)


def _models_url(jobs: list[Job], root: str) -> str | None:
    """Return where the models of the jobs are compared; None unless all have one."""
    ids = [job.result.model.id for job in jobs if job.result]
    if len(ids) < len(jobs):
        return None
    return f"{root}/models/{ids[0]}/comparison?{'&'.join(f'with={one}' for one in ids[1:])}"
