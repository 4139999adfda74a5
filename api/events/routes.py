"""Server-sent events of one job and of all jobs."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from api.dependencies import AnyService, JobId, LastEventId
from api.events.streams import AllEventStream, JobEventStream, all_of_archived
from api.http.openapi import problems
from api.jobs import responses as job_answers
from api.records import jobs as archived_jobs
from worker.errors import JobNotFoundError
from worker.queue.feed import Feed

router = APIRouter(tags=["events"])

_SNAPSHOT_JOBS = 20
# No proxy may keep what is meant for now.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "event: snapshot, state, progress, epoch, log, checkpoint, rewind, model, reset or end; "
        "data: JSON with job_id, at and the fields of that kind.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: epoch\nid: 1767225600000-0\ndata: {"job_id":"job_…","at":"…","epoch":1,…}\n\n',
            }
        },
    }
}


@router.get(
    "/jobs/{job_id}/events",
    operation_id="stream_job_events",
    summary="What happens to a job, live",
    response_class=StreamingResponse,
    responses={**_STREAM, **problems(404)},
)
async def stream_job_events(
    request: Request, services: AnyService, job_id: JobId, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """A snapshot, every kept event (or those after Last-Event-ID), then what happens until the job's end."""
    services.hub.check_room()
    try:
        job_json = job_answers.with_links(request, job_id, await services.event_pages.job_json(job_id))
    except JobNotFoundError:
        job_json = job_answers.with_links(request, job_id, await archived_jobs.job_json(services, job_id))
        stored = all_of_archived(job_json, last_event_id)
        return StreamingResponse(stored, headers=_HEADERS, media_type="text/event-stream")
    stream = JobEventStream(services.event_pages, services.hub, job_json, last_event_id)
    return StreamingResponse(stream.chunks(), headers=_HEADERS, media_type="text/event-stream")


@router.get(
    "/events",
    operation_id="stream_events",
    summary="State and epoch events of all jobs, live",
    response_class=StreamingResponse,
    responses=_STREAM,
)
async def stream_events(
    request: Request, services: AnyService, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """A snapshot of the newest jobs, every kept event (or those after Last-Event-ID), then what happens."""
    services.hub.check_room()
    page = await services.store.list_jobs(limit=_SNAPSHOT_JOBS)
    feed = Feed(services.store.redis)  # the hub's own client is for the one reader alone
    stream = AllEventStream(feed, services.hub, job_answers.jobs_json(request, page.jobs), last_event_id)
    return StreamingResponse(stream.chunks(), headers=_HEADERS, media_type="text/event-stream")
