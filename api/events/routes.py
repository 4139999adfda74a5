"""Server-sent events of one job and of all jobs."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from api.events.job_history import JobHistory
from api.events.streams import AllEventStream, JobEventStream, archived_job_events
from api.feed.hub import EventHub
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.records.job_json import jobs_json, with_links
from api.records.jobs import JobId, JobReader
from worker.errors import JobNotFoundError
from worker.queue.feed import Feed
from worker.queue.store import AsyncJobStore

router = APIRouter(tags=["events"])

Hub = Annotated[EventHub, from_app(EventHub)]
LastEventId = Annotated[str, Header(max_length=64, description="The id of the last event that you received.")]

_SNAPSHOT_JOBS = 20
# No proxy may cache or buffer live events.
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
    summary="The events of a job, live",
    response_class=StreamingResponse,
    responses={**_STREAM, **problems(404)},
)
async def stream_job_events(
    request: Request,
    *,
    hub: Hub,
    history: Annotated[JobHistory, from_app(JobHistory)],
    jobs: Annotated[JobReader, from_app(JobReader)],
    job_id: JobId,
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot, the stored events (all, or those after Last-Event-ID), then live events until the job ends."""
    hub.require_free_watcher()
    try:
        job_json = with_links(request, job_id, await history.job_json(job_id))
    except JobNotFoundError:
        job_json = with_links(request, job_id, await jobs.json(job_id))
        return _event_stream(archived_job_events(job_json, last_event_id))
    return _event_stream(JobEventStream(history, hub, job_json, last_event_id).chunks())


@router.get(
    "/events",
    operation_id="stream_events",
    summary="State and epoch events of all jobs, live",
    response_class=StreamingResponse,
    responses=_STREAM,
)
async def stream_events(
    request: Request,
    hub: Hub,
    store: Annotated[AsyncJobStore, from_app(AsyncJobStore)],
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot of the newest jobs, the stored events (all, or those after Last-Event-ID), then live events."""
    hub.require_free_watcher()
    page = await store.list_jobs(limit=_SNAPSHOT_JOBS)
    feed = Feed(store.redis)  # not the hub's client, which is blocked by the hub's own read
    stream = AllEventStream(feed, hub, jobs_json(request, page.jobs), last_event_id)
    return _event_stream(stream.chunks())


def _event_stream(chunks: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(chunks, headers=_HEADERS, media_type="text/event-stream")
