"""Jobs as answers: kept JSON is passed on as it is, with links; knows no route."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from api.feed.hub import WatchEnded, Watcher
from api.records import jobs as archived_jobs
from api.schemas import Page
from api.services import Services
from worker.queue.listing import JobPage
from worker.queue.records import EpochRow, Job
from worker.queue.requests import Submitted
from worker.queue.states import TERMINAL

_JSON = "application/json"


def json_response(body: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer whose JSON is written already."""
    return Response(body, status, headers, _JSON)


def with_links(request: Request, job_id: str, job_json: str) -> str:
    """A job's JSON with where to read on."""
    url = f"{request.scope.get('root_path', '')}/jobs/{job_id}"
    return (
        f'{job_json[:-1]},"links":{{"self":"{url}","events":"{url}/events",'
        f'"metrics":"{url}/metrics","logs":"{url}/logs"}}}}'
    )


def accepted(request: Request, submitted: Submitted) -> Response:
    """202 for a job in the queue."""
    body = with_links(request, submitted.job_id, submitted.job_json)
    location = f"{request.scope.get('root_path', '')}/jobs/{submitted.job_id}"
    return json_response(body, 202, {"Location": location})


def job(request: Request, job_json: str) -> Response:
    """One job."""
    return json_response(with_links(request, request.path_params["job_id"], job_json))


def job_list(request: Request, page: JobPage) -> Response:
    """A page of jobs."""
    body = (
        f'{{"object":"list","data":{jobs_json(request, page.jobs)},"has_more":{json.dumps(page.has_more)}}}'
    )
    return json_response(body)


def jobs_json(request: Request, jobs: Sequence[Job]) -> str:
    """Jobs as a JSON array."""
    return f"[{','.join(with_links(request, job.id, job.model_dump_json()) for job in jobs)}]"


async def read_job(services: Services, job_id: str, wait_s: float) -> str:
    """A job's JSON: at once, or when its status or phase has changed, or after `wait_s`."""
    if not wait_s:
        return await archived_jobs.job_json(services, job_id)
    deadline = time.monotonic() + wait_s
    with services.hub.watch(job_id) as watcher:
        job_json = first = await archived_jobs.job_json(services, job_id)
        while _state(job_json) == _state(first) and not _is_finished(first):
            if not await _hears_of_state(watcher, deadline):
                break
            job_json = await services.store.get_json(job_id)
    return job_json


async def _hears_of_state(watcher: Watcher, deadline: float) -> bool:
    """Whether a state event came in time."""
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            while True:
                batches = await watcher.take()
                if any(event.event == "state" for batch in batches for event in batch.events):
                    return True
    except (TimeoutError, WatchEnded):
        return False  # answer what is known: the caller asks again


def _state(job_json: str) -> tuple[str, str | None]:
    job = json.loads(job_json)
    return job["status"], job["phase"]


def _is_finished(job_json: str) -> bool:
    return _state(job_json)[0] in TERMINAL


def metrics(request: Request, rows: Sequence[EpochRow], limit: int) -> Response:
    """A page of metrics rows, as JSON or CSV."""
    page, has_more = rows[:limit], len(rows) > limit
    if "text/csv" in request.headers.get("accept", ""):
        return Response(_csv(page), media_type="text/csv", headers={"Vary": "Accept"})
    body = Page[EpochRow](data=list(page), has_more=has_more).model_dump_json()
    return json_response(body, headers={"Vary": "Accept"})


def _csv(rows: Sequence[EpochRow]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(EpochRow.model_fields), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    return text.getvalue()
