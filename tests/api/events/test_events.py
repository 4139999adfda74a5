"""Server-sent events over real sockets: each event arrives once and in order, and a stream can be resumed."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from ninefold.client.events import Event, read_events
from tests.api.attempts import claim, submit
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.worker.packing import packer
from tests.worker.processes import wait_until
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import Progress
from worker.queue.states import Phase
from worker.queue.store import JobStore
from worker.redis_server.keys import EVENTS, FEED


@contextmanager
def stream(client: httpx.Client, path: str, last_id: str = "") -> Iterator[Iterator[Event]]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with client.stream("GET", path, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        yield read_events(response)


def all_events(client: httpx.Client, job_id: str, last_id: str = "") -> list[Event]:
    with stream(client, f"/jobs/{job_id}/events", last_id) as events:
        return list(events)


@pytest.fixture
def finished_id(client: httpx.Client, store: JobStore) -> str:
    job_id = submit(client)
    attempt = claim(store)
    attempt.report(1, 1, 2)
    attempt.fail()
    return job_id


def test_a_finished_job_replays_and_ends(client: httpx.Client, finished_id: str) -> None:
    events = all_events(client, finished_id)
    assert [event.kind for event in events][:2] == ["snapshot", "state"]
    assert [event.data["epoch"] for event in events if event.kind == "epoch"] == [1, 2]
    assert events[-1].kind == "end"
    assert events[0].id is None
    assert events[0].data["job"]["status"] == "failed"
    assert all(event.id for event in events[1:])
    assert {event.data["job_id"] for event in events} == {finished_id}
    assert all("at" in event.data for event in events)


def test_resuming_after_any_event_gives_the_remaining_events(client: httpx.Client, finished_id: str) -> None:
    events = all_events(client, finished_id)
    for place in range(1, len(events) - 1):
        resumed = all_events(client, finished_id, str(events[place].id))
        assert [event.kind for event in resumed[:1]] == ["snapshot"]
        assert resumed[1:] == events[place + 1 :]


def test_resuming_after_the_end_ends_at_once(client: httpx.Client, finished_id: str) -> None:
    last = all_events(client, finished_id)[-1]
    assert [event.kind for event in all_events(client, finished_id, str(last.id))] == ["snapshot", "end"]


def test_a_packed_job_replays_as_before_after_any_event(
    client: httpx.Client, finished_id: str, store: JobStore
) -> None:
    events = all_events(client, finished_id)
    ids = ["", *(str(event.id) for event in events[1:-1])]
    paths = ("metrics", "logs")
    before = [all_events(client, finished_id, last_id)[1:] for last_id in ids]
    answers = [client.get(f"/jobs/{finished_id}/{path}").text for path in paths]
    assert packer(store).pack_all() == [finished_id]
    assert [all_events(client, finished_id, last_id)[1:] for last_id in ids] == before
    assert [client.get(f"/jobs/{finished_id}/{path}").text for path in paths] == answers


def test_live_events_arrive(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    with stream(client, f"/jobs/{job_id}/events") as events:
        assert [next(events).kind, next(events).kind] == ["snapshot", "state"]
        attempt = claim(store)
        assert next(events).data["status"] == "running"
        attempt.report(1, 1)
        attempt.fail()
        kinds = [event.kind for event in events]
    assert kinds == ["state", "epoch", "state", "end"]


def test_a_feed_entry_that_lacks_fields_silences_no_stream(
    client: httpx.Client, store: JobStore, redis_client: redis.Redis
) -> None:
    job_id = submit(client)
    with stream(client, f"/jobs/{job_id}/events") as of_job, stream(client, "/events?from=now") as of_project:
        assert [next(of_job).kind, next(of_job).kind, next(of_project).kind] == [
            "snapshot",
            "state",
            "snapshot",
        ]
        strange: tuple[dict[Any, Any], ...] = (
            {"strange": "entry"},
            {"job": job_id},
            {"job": job_id, "event": "end"},
        )
        for entry in strange:
            redis_client.xadd(FEED, entry)
        claim(store)
        for events in (of_job, of_project):
            event = next(events)
            assert (event.kind, event.data["job_id"], event.data["status"]) == ("state", job_id, "running")


def test_an_id_that_was_trimmed_resets_the_stream(
    client: httpx.Client, finished_id: str, redis_client: redis.Redis
) -> None:
    events = all_events(client, finished_id)
    redis_client.xtrim(EVENTS + finished_id, maxlen=2, approximate=False)
    resumed = all_events(client, finished_id, str(events[1].id))
    assert [event.kind for event in resumed] == ["reset", "snapshot", *(event.kind for event in events[-2:])]


@pytest.mark.parametrize("last_id", ["nonsense", "1", "99999999999999999999-0", "-1-0"])
def test_an_invalid_id_resets_the_stream(client: httpx.Client, finished_id: str, last_id: str) -> None:
    kinds = [event.kind for event in all_events(client, finished_id, last_id)]
    assert kinds[:3] == ["reset", "snapshot", "state"]
    assert kinds[-1] == "end"


def test_an_id_after_the_newest_resets_the_stream(client: httpx.Client, finished_id: str) -> None:
    """Redis can lose its last writes in a crash; then a client has an id that Redis no longer knows."""
    kinds = [event.kind for event in all_events(client, finished_id, "9999999999999-0")]
    assert kinds[:3] == ["reset", "snapshot", "state"]
    assert kinds[-1] == "end"


def test_a_new_client_gets_no_reset_for_trimmed_events_and_all_metrics_rows_remain(
    client: httpx.Client, finished_id: str, redis_client: redis.Redis
) -> None:
    redis_client.xtrim(EVENTS + finished_id, maxlen=2, approximate=False)
    assert [event.kind for event in all_events(client, finished_id)] == ["snapshot", "state", "end"]
    rows = client.get(f"/jobs/{finished_id}/metrics").json()["data"]
    assert [row["epoch"] for row in rows] == [1, 2]


def test_a_long_history_arrives_completely_even_while_it_grows(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    attempt = claim(store)
    attempt.report(1, *range(1, 500))
    with stream(client, f"/jobs/{job_id}/events") as events:
        first = [next(events) for _ in range(500)]
        attempt.report(2, 500, 501)
        attempt.fail()
        received = [*first, *events]
    epochs = [event.data["epoch"] for event in received if event.kind == "epoch"]
    assert epochs == list(range(1, 502))
    assert all_events(client, job_id)[1:] == received[1:]
    for place in (1, 199, 200, 201, 400, 401, 499):
        assert all_events(client, job_id, str(received[place].id))[1:] == received[place + 1 :]


def test_an_unknown_job_is_a_problem_before_the_stream(client: httpx.Client) -> None:
    problem_in(client.get("/jobs/job_00000000000000000000000000/events"), 404, "job_not_found")


def test_the_stream_of_all_jobs_has_states_and_epochs(client: httpx.Client, store: JobStore) -> None:
    first = submit(client)
    with stream(client, "/events") as events:
        snapshot, replayed = next(events), next(events)
        assert [job["id"] for job in snapshot.data["jobs"]] == [first]
        assert (replayed.kind, replayed.data["job_id"]) == ("state", first)
        claim(store).report(1, 1)
        received = [next(events) for _ in range(3)]
        second = submit(client)
        assert next(events).data["job_id"] == second
    assert [event.kind for event in received] == ["state", "state", "epoch"]
    with stream(client, "/events", str(received[0].id)) as events:
        assert next(events).kind == "snapshot"
        assert next(events) == received[1]


def test_the_stream_of_all_jobs_has_the_kinds_that_are_asked_for(
    client: httpx.Client, store: JobStore
) -> None:
    job_id = submit(client)
    with stream(client, "/events?from=now&kind=progress&kind=end") as events:
        assert next(events).kind == "snapshot"
        attempt = claim(store)
        for seq in (1, 2, 3):
            progress = Progress(epoch=1, epochs=2, fraction=seq / 10, images_per_s=1.0, eta_s=1.0)
            report = TrainingReport(phase=Phase.TRAINING, progress=progress)
            store.report(job_id, attempt.attempt_id, seq, report)
        attempt.fail()
        received = [next(events) for _ in range(2)]
        while received[-1].kind == "progress":
            received.append(next(events))
    assert {event.kind for event in received[:-1]} == {"progress"}
    assert received[-1].kind == "end"
    assert received[-2].data["job_id"] == job_id
    assert received[-2].data["fraction"] == 0.3
    assert client.get("/events?kind=colour").status_code == 422


def test_the_stream_of_all_jobs_resets_when_the_feed_was_trimmed(
    client: httpx.Client, redis_client: redis.Redis
) -> None:
    for _ in range(3):
        submit(client)
    oldest: list[tuple[str, dict[str, str]]] = redis_client.xrange(FEED, count=1)  # type: ignore[assignment]
    redis_client.xtrim(FEED, maxlen=1, approximate=False)
    with stream(client, "/events", oldest[0][0]) as events:
        assert [next(events).kind for _ in range(3)] == ["reset", "snapshot", "state"]


def test_the_stream_of_all_jobs_resets_after_an_id_past_the_newest(client: httpx.Client) -> None:
    submit(client)
    with stream(client, "/events", "9999999999999-0") as events:
        assert [next(events).kind for _ in range(3)] == ["reset", "snapshot", "state"]


def test_the_stream_of_all_jobs_resets_after_an_id_that_the_feed_never_had(
    client: httpx.Client, redis_client: redis.Redis
) -> None:
    submit(client)
    newest: list[tuple[str, dict[str, str]]] = redis_client.xrevrange(FEED, count=1)  # type: ignore[assignment]
    milliseconds, number = newest[0][0].split("-")
    time.sleep(0.002)
    submit(client)
    with stream(client, "/events", f"{milliseconds}-{int(number) + 1}") as events:
        assert [next(events).kind for _ in range(4)] == ["reset", "snapshot", "state", "state"]


def test_a_watcher_of_all_jobs_opens_no_connection_to_redis(
    settings: ApiSettings, redis_client: redis.Redis
) -> None:
    """The hub's read blocks its own connection all the time, so stored events are read over a shared connection."""

    def connection_ids() -> set[str]:
        return {about["id"] for about in redis_client.client_list()}

    begun = connection_ids()
    with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        client.get("/jobs")
        # Three connections: the hub's, that of the upkeep, and that of GET /jobs.
        wait_until(lambda: len(connection_ids() - begun) >= 3)
        known = connection_ids()
        with ExitStack() as watchers:
            for _ in range(10):
                next(watchers.enter_context(stream(client, "/events")))
            assert len(connection_ids() - known) < 5  # the upkeep may open some


def test_many_watchers_receive_the_same_events(client: httpx.Client, url: str, store: JobStore) -> None:
    job_id = submit(client)
    received: list[list[Event]] = []
    is_watching = threading.Barrier(21)

    def watch() -> None:
        with httpx.Client(base_url=url, timeout=30) as own, stream(own, f"/jobs/{job_id}/events") as events:
            begun = [next(events)]
            is_watching.wait(60)
            received.append([*begun, *events][1:])

    watchers = [threading.Thread(target=watch) for _ in range(20)]
    for watcher in watchers:
        watcher.start()
    is_watching.wait(60)
    attempt = claim(store)
    for epoch in range(1, 30):
        attempt.report(epoch, epoch)
    attempt.fail()
    for watcher in watchers:
        watcher.join(60)
    assert len(received) == 20
    assert all(events == received[0] for events in received)
    assert [json.dumps(event.data) for event in received[0]].count("") == 0
    assert [event.data["epoch"] for event in received[0] if event.kind == "epoch"] == list(range(1, 30))
