"""Server-sent events of one job, of one dataset, and of all work."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.events.item_history import ItemHistory
from api.events.streams import DEFAULT_KINDS, ItemEventStream, ProjectEventStream, Subject, past_events
from api.feed.hub import EventHub
from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.records.datasets import DatasetCatalogue
from api.records.job_json import jobs_json, with_links
from api.records.jobs import JobId, JobReader
from worker.errors import JobNotFoundError
from worker.queue.calls.listing import JobFilters
from worker.queue.feed import Feed
from worker.queue.ids import IMPORT_PREFIX, PREDICTION_PREFIX
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(tags=["events"])

Hub = Annotated[EventHub, from_app(EventHub)]
History = Annotated[ItemHistory, from_app(ItemHistory)]
LastEventId = Annotated[str, Header(max_length=64, description="The id of the last event that you received.")]

EventKind = Literal["state", "progress", "epoch", "log", "checkpoint", "rewind", "model", "dataset", "end"]
"""The kinds of events in the feed of a project."""

_SNAPSHOT_JOBS = 20
# No proxy may cache or buffer live events.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "event: snapshot, state, progress, epoch, log, checkpoint, rewind, model, dataset, reset or "
        "end; data: JSON with job_id, dataset_id, evaluation_id, model_import_id or prediction_id, at and the fields of that kind.",
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
    history: History,
    jobs: Annotated[JobReader, from_app(JobReader)],
    caller: Caller,
    job_id: JobId,
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot, the stored events (all, or those after Last-Event-ID), then live events until the job ends."""
    hub.require_free_watcher()
    try:
        subject = _job(request, job_id, await history.item_json(job_id, caller.project))
    except JobNotFoundError:
        subject = _job(request, job_id, await jobs.json(job_id, caller.project))
        return _event_stream(past_events(subject, last_event_id))
    return _event_stream(ItemEventStream(history, hub, subject, last_event_id).chunks())


@router.get(
    "/datasets/{ref}/events",
    operation_id="stream_dataset_events",
    summary="The events of an import, live",
    response_class=StreamingResponse,
    responses={**_STREAM, **problems(404)},
)
async def stream_dataset_events(
    *,
    hub: Hub,
    history: History,
    datasets: Annotated[DatasetCatalogue, from_app(DatasetCatalogue)],
    caller: Caller,
    ref: str,
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot, the stored events, then live events until the import ends.

    The id of an import finds its events also afterwards; the id or name of a ready dataset gets snapshot and end.
    """
    hub.require_free_watcher()
    dataset, status = await datasets.find_with_status(ref, caller.project)
    is_import = ref.startswith(IMPORT_PREFIX)
    subject = Subject("dataset", ref if is_import else dataset.id, status, dataset.model_dump_json())
    if status is Status.SUCCEEDED and not is_import:
        return _event_stream(past_events(subject, last_event_id))
    return _event_stream(ItemEventStream(history, hub, subject, last_event_id).chunks())


@router.get(
    "/models/{ref}/evaluations/{evaluation_id}/events",
    operation_id="stream_evaluation_events",
    summary="The events of an evaluation, live",
    response_class=StreamingResponse,
    responses={**_STREAM, **problems(404, 409)},
)
async def stream_evaluation_events(
    *,
    hub: Hub,
    history: History,
    models: Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)],
    caller: Caller,
    ref: str,
    evaluation_id: str,
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot, the stored events (all, or those after Last-Event-ID), then live events until the evaluation ends."""
    hub.require_free_watcher()
    model_id = (await models.resolve(ref, caller.project)).manifest.id
    run_json = await history.item_json(evaluation_id, caller.project)
    run = json.loads(run_json)
    if run.get("model") != model_id:
        raise JobNotFoundError(evaluation_id)
    subject = Subject("evaluation", evaluation_id, run["status"], run_json)
    return _event_stream(ItemEventStream(history, hub, subject, last_event_id).chunks())


@router.get(
    "/predictions/{prediction_id}/events",
    operation_id="stream_prediction_events",
    summary="The events of a batch prediction, live",
    response_class=StreamingResponse,
    responses={**_STREAM, **problems(404)},
)
async def stream_prediction_events(
    *, hub: Hub, history: History, caller: Caller, prediction_id: str, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """A snapshot, the stored events (all, or those after Last-Event-ID), then live events until it ends."""
    hub.require_free_watcher()
    if not prediction_id.startswith(PREDICTION_PREFIX):
        raise JobNotFoundError(prediction_id)
    found_json = await history.item_json(prediction_id, caller.project)
    subject = Subject("prediction", prediction_id, json.loads(found_json)["status"], found_json)
    return _event_stream(ItemEventStream(history, hub, subject, last_event_id).chunks())


@router.get(
    "/events",
    operation_id="stream_events",
    summary="The events of all work, live",
    response_class=StreamingResponse,
    responses=_STREAM,
)
async def stream_events(
    request: Request,
    *,
    hub: Hub,
    store: Annotated[AsyncJobStore, from_app(AsyncJobStore)],
    caller: Caller,
    begin: Annotated[
        Literal["start", "now"],
        Query(alias="from", description="`now` leaves out the stored events."),
    ] = "start",
    kind: Annotated[
        list[EventKind],
        Query(description="The kinds of events to send; may be repeated. Default: state and epoch."),
    ] = [],  # noqa: B006 - FastAPI copies it
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """A snapshot of the newest jobs, the stored events (all, or those after Last-Event-ID), then live events."""
    hub.require_free_watcher()
    page = await store.list_jobs(JobFilters(project=caller.project), limit=_SNAPSHOT_JOBS)
    stream = ProjectEventStream(
        Feed(store.redis),  # not the hub's client, which is blocked by the hub's own read
        hub,
        caller.project,
        jobs_json(request, page.jobs),
        last_event_id,
        kinds=frozenset(kind) or DEFAULT_KINDS,
        should_replay=begin == "start",
    )
    return _event_stream(stream.chunks())


def _job(request: Request, job_id: str, job_json: str) -> Subject:
    return Subject("job", job_id, json.loads(job_json)["status"], with_links(request, job_id, job_json))


def _event_stream(chunks: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(chunks, headers=_HEADERS, media_type="text/event-stream")
