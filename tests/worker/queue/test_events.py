"""The events of a job: their content, and how many are kept."""

import asyncio
import json
import time

import pytest

from tests.worker.samples import claim, draft, make_job, row
from worker.errors import JobNotFoundError
from worker.queue.attempt_messages import TrainingReport
from worker.queue.feed import Feed, FeedEvent
from worker.queue.records import Best, Checkpoint, JobError, Progress
from worker.queue.states import Outcome, Phase
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect_async


def kinds(store: JobStore, job_id: str) -> list[str]:
    return [event.event for event in store.events(job_id).events]


def test_a_job_emits_all_events_in_order(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    report = TrainingReport(
        phase=Phase.TRAINING,
        rows=(row(1), row(2)),
        bests=(Best(epoch=2, val_accuracy=0.2),),
        checkpoint=Checkpoint(key="secret/place", epoch=2, step=0),
        progress=Progress(epoch=2, epochs=3, fraction=0.7, eta_s=None),
        log_lines=('a "line"', "é\ud800"),
    )
    store.report(job_id, attempt_id, 1, report)
    store.commit_publish(job_id, attempt_id, draft())
    store.succeed(job_id, attempt_id)

    events = [(event.event, json.loads(event.data)) for event in store.events(job_id).events]
    for _, data in events:
        assert data.pop("job_id") == job_id
        assert data.pop("at").endswith("Z")
    model = {"id": "mdl_1", "name": "digits", "version": 1}
    assert events == [
        ("state", {"status": "queued", "phase": None}),
        ("state", {"status": "running", "phase": "starting"}),
        ("state", {"status": "running", "phase": "training"}),
        ("epoch", {**row(1).model_dump(), "is_best": False}),
        ("epoch", {**row(2).model_dump(), "is_best": True}),
        ("checkpoint", {"epoch": 2, "step": 0}),
        ("log", {"lines": ['a "line"', "é\ud800"]}),
        ("state", {"status": "running", "phase": "publishing"}),
        ("model", {"model": model, "alias": "production"}),
        ("state", {"status": "succeeded", "phase": None}),
        ("end", {"status": "succeeded"}),
    ]


def test_publishing_is_told_once_also_after_the_trainer_has_reported_it(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(phase=Phase.PUBLISHING))
    store.commit_publish(job_id, attempt_id, draft())
    phases = [json.loads(event.data).get("phase") for event in store.events(job_id).events]
    assert phases == [None, "starting", "publishing"]


def test_the_state_event_of_a_failure_has_the_error(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="lower it"))
    state = store.events(job_id).events[-2]
    assert json.loads(state.data)["error"] == {"code": "training_diverged", "message": "lower it"}
    assert kinds(store, job_id)[-1] == "end"


def test_a_reader_continues_after_the_last_event_it_read(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.cancel(job_id)
    first = store.events(job_id, count=1).events
    rest = store.events(job_id, after=first[0].id)
    assert [event.event for event in first + rest.events] == ["state", "state", "end"]
    assert not rest.is_reset
    assert store.events(job_id, after=rest.events[-1].id).events == []


def test_a_reader_is_reset_when_later_events_are_no_longer_kept(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    assert not store.events(job_id, after="1-1").is_reset
    oldest = store.events(job_id).events[0].id
    store.cancel(job_id)
    store.redis.xtrim(redis_keys.EVENTS + job_id, maxlen=1, approximate=False)
    page = store.events(job_id, after=oldest)
    assert page.is_reset
    assert [event.event for event in page.events] == ["end"]


def test_a_reader_of_a_lost_history_is_reset(store: JobStore) -> None:
    """A restored backup continues before the reader's last event, with ids that may be later than that event's id."""
    job_id = store.submit(make_job()).job_id
    milliseconds, number = store.events(job_id).events[0].id.split("-")
    lost_id = f"{milliseconds}-{int(number) + 1}"
    time.sleep(0.002)
    store.cancel(job_id)
    page = store.events(job_id, after=lost_id)
    assert page.is_reset
    assert [event.event for event in page.events] == ["state", "state", "end"]


def test_streams_and_logs_are_capped(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    for seq in range(1, 14):
        lines = tuple(f"{seq}:{line}" for line in range(200))
        rows = tuple(row(epoch) for epoch in range(1, 1001))
        store.report(job_id, attempt_id, seq, TrainingReport(rows=rows, log_lines=lines))
    assert len(store.logs(job_id)) == 2_000
    assert store.logs(job_id, tail=1) == ["13:199"]
    assert store.logs(job_id, tail=0) == []
    assert 10_000 <= store.redis.xlen(redis_keys.EVENTS + job_id) < 10_200


def test_the_feed_carries_all_jobs_with_the_ids_of_their_own_streams(store: JobStore, redis_url: str) -> None:
    async def read() -> tuple[list[FeedEvent], str]:
        async with connect_async(redis_url) as client:
            feed = Feed(client)
            return await feed.read("0-0", block_ms=10), await feed.last_id()

    assert asyncio.run(read()) == ([], "0-0")
    ids = [store.submit(make_job()).job_id for _ in range(2)]
    events, last_id = asyncio.run(read())
    assert [event.item_id for event in events] == ids
    assert [event.id for event in events] == [store.events(job_id).events[0].id for job_id in ids]
    assert events[-1].feed_id == last_id


def test_progress_is_in_the_feed_alone_after_the_last_event_of_its_job(
    store: JobStore, redis_url: str
) -> None:
    async def read() -> list[FeedEvent]:
        async with connect_async(redis_url) as client:
            return await Feed(client).read("0-0")

    store.submit(make_job())
    job_id, attempt_id = claim(store)
    before = store.events(job_id).events
    progress = Progress(epoch=2, epochs=3, fraction=0.7, eta_s=None)
    store.report(job_id, attempt_id, 1, TrainingReport(progress=progress))
    assert store.events(job_id).events == before
    event = asyncio.run(read())[-1]
    assert (event.event, event.item_id, event.id) == ("progress", job_id, before[-1].id)
    data = json.loads(event.data)
    assert data.pop("at").endswith("Z")
    assert data == {"job_id": job_id, **progress.model_dump()}


def test_reading_an_unknown_job_is_refused(store: JobStore) -> None:
    for read in (store.get, store.rows, store.logs, store.events):
        with pytest.raises(JobNotFoundError):
            read("job_none")


def test_rows_come_in_pages(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=tuple(row(epoch) for epoch in range(1, 6))))
    assert store.rows(job_id, after=1, limit=2) == [row(2), row(3)]
    assert store.rows(job_id, after=5) == []
