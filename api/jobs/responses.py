"""Writes the answers of the job routes. A job's stored JSON is sent on without being parsed."""

import csv
import io
import json
from collections.abc import Sequence

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.http.accept import prefers
from api.http.pages import Page
from api.records.job_json import job_url, jobs_json, with_links
from worker.queue.calls.listing import JobPage
from worker.queue.calls.trainings import Submitted
from worker.queue.records import EpochRow, Job


def accepted_response(request: Request, submitted: Submitted) -> Response:
    """Answer 202 with a queued job."""
    body = with_links(request, submitted.job_id, submitted.job_json)
    return _json_response(body, 202, {"Location": job_url(request, submitted.job_id)})


def job_response(request: Request, job: Job) -> Response:
    """Answer with one job."""
    return stored_job_response(request, job.id, job.model_dump_json())


def stored_job_response(request: Request, job_id: str, job_json: str) -> Response:
    """Answer with one job, given as JSON."""
    return _json_response(with_links(request, job_id, job_json))


def page_response(request: Request, page: JobPage) -> Response:
    """Answer with a page of jobs."""
    jobs = jobs_json(request, page.jobs)
    return _json_response(f'{{"object":"list","data":{jobs},"has_more":{json.dumps(page.has_more)}}}')


def metrics_response(request: Request, rows: Sequence[EpochRow], limit: int) -> Response:
    """Answer with the first `limit` metrics rows, as JSON or CSV; more rows than that set `has_more`."""
    page, has_more = rows[:limit], len(rows) > limit
    if prefers(request.headers.get("accept", ""), "text/csv", "application/json"):
        return Response(_csv(page), media_type="text/csv", headers={"Vary": "Accept"})
    return model_response(Page[EpochRow](data=list(page), has_more=has_more), {"Vary": "Accept"})


def model_response(model: BaseModel, headers: dict[str, str] | None = None) -> Response:
    """Answer with a pydantic model, without FastAPI's second validation."""
    return _json_response(model.model_dump_json(), headers=headers)


def _json_response(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, "application/json")


def _csv(rows: Sequence[EpochRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(EpochRow.model_fields), extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    return text.getvalue()
