"""The parameters that routes share: ids, pages, callers."""

import re
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AfterValidator

from api.auth.guard import CALLER
from api.services import Services, services_of
from worker.errors import JobNotFoundError
from worker.queue.listing import JobFilters
from worker.queue.states import Status

_JOB_ID = re.compile(r"job_[0-9a-z]{26}")

Filter = Annotated[str | None, Query(min_length=1, max_length=128)]


def _checked_job_id(job_id: str) -> str:
    """A path's job id; what has not the form of one is no job's, and is never asked for."""
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFoundError(job_id)
    return job_id


def caller_of(request: Request) -> str:
    """Who asks."""
    caller: str = request.scope[CALLER]
    return caller


async def job_filters(
    status: Status | None = None, name: Filter = None, dataset: Filter = None, tag: Filter = None
) -> JobFilters:
    """What a list of jobs is narrowed to."""
    return JobFilters(status=status, name=name, dataset=dataset, tag=tag)


def _is_not_latest(alias: str) -> str:
    if alias == "latest":
        raise ValueError("latest always means the newest version: choose another alias")
    return alias


AliasName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,31}$"), AfterValidator(_is_not_latest)]


async def any_service(request: Request) -> Services:
    """The services; async, for FastAPI runs a plain function in a thread."""
    return services_of(request)


AnyService = Annotated[Services, Depends(any_service)]
AskedJobs = Annotated[JobFilters, Depends(job_filters)]
JobId = Annotated[str, Path(), AfterValidator(_checked_job_id)]
Limit = Annotated[int, Query(ge=1, le=100, description="So many at most.")]
After = Annotated[str, Query(max_length=100, description="The id of the last one that you have.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Your own word for this request: sent again with it, the request answers as it first did.",
    ),
]
LastEventId = Annotated[str, Header(max_length=64, description="The id of the last event that you have.")]
