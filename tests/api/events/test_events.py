"""Server-sent events over real sockets: in order, each once, resumable, with an end."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis

from api.settings import ApiSettings
from ninefold.client.events import Event, read_events
from tests.api.conftest import claim
from tests.api.jobs.test_jobs import submit
from tests.api.problems import problem_in
from tests.api.serving import running_api
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


def test_resuming_anywhere_gives_the_rest(client: httpx.Client, finished_id: str) -> None:
    events = all_events(client, finished_id)
    for place in range(1, len(events) - 1):
        resumed = all_events(client, finished_id, str(events[place].id))
        assert [event.kind for event in resumed[:1]] == ["snapshot"]
        assert resumed[1:] == events[place + 1 :]


def test_resuming_after_the_end_ends_at_once(client: httpx.Client, finished_id: str) -> None:
    last = all_events(client, finished_id)[-1]
    assert [event.kind for event in all_events(client, finished_id, str(last.id))] == ["snapshot", "end"]


def test_what_happens_is_heard_live(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    with stream(client, f"/jobs/{job_id}/events") as events:
        assert [next(events).kind, next(events).kind] == ["snapshot", "state"]
        attempt = claim(store)
        assert next(events).data["status"] == "running"
        attempt.report(1, 1)
        attempt.fail()
        kinds = [event.kind for event in events]
    assert kinds == ["state", "epoch", "state", "end"]


def test_an_id_that_is_no_longer_kept_resets(
    client: httpx.Client, finished_id: str, redis_client: redis.Redis
) -> None:
    events = all_events(client, finished_id)
    redis_client.xtrim(EVENTS + finished_id, maxlen=2, approximate=False)
    resumed = all_events(client, finished_id, str(events[1].id))
    assert [event.kind for event in resumed] == ["reset", "snapshot", *(event.kind for event in events[-2:])]


@pytest.mark.parametrize("last_id", ["nonsense", "1", "99999999999999999999-0", "-1-0"])
def test_an_id_that_never_was_resets(client: httpx.Client, finished_id: str, last_id: str) -> None:
    kinds = [event.kind for event in all_events(client, finished_id, last_id)]
    assert kinds[:3] == ["reset", "snapshot", "state"]
    assert kinds[-1] == "end"


def test_an_id_after_the_newest_resets(client: httpx.Client, finished_id: str) -> None:
    """A server that lost its last moment no longer knows an id that it once gave."""
    kinds = [event.kind for event in all_events(client, finished_id, "9999999999999-0")]
    assert kinds[:3] == ["reset", "snapshot", "state"]
    assert kinds[-1] == "end"


def test_trimmed_events_are_no_reset_to_who_begins_and_no_row_is_lost(
    client: httpx.Client, finished_id: str, redis_client: redis.Redis
) -> None:
    redis_client.xtrim(EVENTS + finished_id, maxlen=2, approximate=False)
    assert [event.kind for event in all_events(client, finished_id)] == ["snapshot", "state", "end"]
    rows = client.get(f"/jobs/{finished_id}/metrics").json()["data"]
    assert [row["epoch"] for row in rows] == [1, 2]


def test_a_long_history_comes_whole_to_each_also_while_it_grows(
    client: httpx.Client, store: JobStore
) -> None:
    job_id = submit(client)
    attempt = claim(store)
    attempt.report(1, *range(1, 500))
    with stream(client, f"/jobs/{job_id}/events") as events:
        first = [next(events) for _ in range(500)]
        attempt.report(2, 500, 501)
        attempt.fail()
        heard = [*first, *events]
    epochs = [event.data["epoch"] for event in heard if event.kind == "epoch"]
    assert epochs == list(range(1, 502))
    assert all_events(client, job_id)[1:] == heard[1:]
    for place in (1, 199, 200, 201, 400, 401, 499):
        assert all_events(client, job_id, str(heard[place].id))[1:] == heard[place + 1 :]


def test_an_unknown_job_is_a_problem_before_the_stream(client: httpx.Client) -> None:
    problem_in(client.get("/jobs/job_00000000000000000000000000/events"), 404, "job_not_found")


def test_all_jobs_at_once_hear_of_states_and_epochs(client: httpx.Client, store: JobStore) -> None:
    first = submit(client)
    with stream(client, "/events") as events:
        snapshot, replayed = next(events), next(events)
        assert [job["id"] for job in snapshot.data["jobs"]] == [first]
        assert (replayed.kind, replayed.data["job_id"]) == ("state", first)
        claim(store).report(1, 1)
        heard = [next(events) for _ in range(3)]
        second = submit(client)
        assert next(events).data["job_id"] == second
    assert [event.kind for event in heard] == ["state", "state", "epoch"]
    with stream(client, "/events", str(heard[0].id)) as events:
        assert next(events).kind == "snapshot"
        assert next(events) == heard[1]


def test_all_jobs_reset_when_the_feed_was_trimmed(client: httpx.Client, redis_client: redis.Redis) -> None:
    for _ in range(3):
        submit(client)
    oldest: list[tuple[str, dict[str, str]]] = redis_client.xrange(FEED, count=1)  # type: ignore[assignment]
    redis_client.xtrim(FEED, maxlen=1, approximate=False)
    with stream(client, "/events", oldest[0][0]) as events:
        assert [next(events).kind for _ in range(3)] == ["reset", "snapshot", "state"]


def test_all_jobs_reset_after_an_id_past_the_newest(client: httpx.Client) -> None:
    submit(client)
    with stream(client, "/events", "9999999999999-0") as events:
        assert [next(events).kind for _ in range(3)] == ["reset", "snapshot", "state"]


def test_all_jobs_reset_after_an_id_of_another_history(
    client: httpx.Client, redis_client: redis.Redis
) -> None:
    submit(client)
    newest: list[tuple[str, dict[str, str]]] = redis_client.xrevrange(FEED, count=1)  # type: ignore[assignment]
    milliseconds, number = newest[0][0].split("-")
    time.sleep(0.002)
    submit(client)
    with stream(client, "/events", f"{milliseconds}-{int(number) + 1}") as events:
        assert [next(events).kind for _ in range(4)] == ["reset", "snapshot", "state", "state"]


def test_a_watcher_of_all_jobs_needs_no_connection_of_its_own(
    settings: ApiSettings, redis_client: redis.Redis
) -> None:
    """The feed's one reader waits on the hub's connection all the time: what is kept is read over another."""

    def connection_ids() -> set[str]:
        return {about["id"] for about in redis_client.client_list()}

    begun = connection_ids()
    with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        client.get("/jobs")
        deadline = time.monotonic() + 30
        while (
            len(known := connection_ids() - begun) < 3
        ):  # the hub's, the reaper's, the one that just answered
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with stream(client, "/events") as events:
            next(events)
            assert connection_ids() - begun == known


def test_many_watchers_hear_the_same(client: httpx.Client, url: str, store: JobStore) -> None:
    job_id = submit(client)
    heard: list[list[Event]] = []
    is_watching = threading.Barrier(21)

    def watch() -> None:
        with httpx.Client(base_url=url, timeout=30) as own, stream(own, f"/jobs/{job_id}/events") as events:
            begun = [next(events)]
            is_watching.wait(20)
            heard.append([*begun, *events][1:])

    watchers = [threading.Thread(target=watch) for _ in range(20)]
    for watcher in watchers:
        watcher.start()
    is_watching.wait(20)
    attempt = claim(store)
    for epoch in range(1, 30):
        attempt.report(epoch, epoch)
    attempt.fail()
    for watcher in watchers:
        watcher.join(20)
    assert len(heard) == 20
    assert all(events == heard[0] for events in heard)
    assert [json.dumps(event.data) for event in heard[0]].count("") == 0
    assert [event.data["epoch"] for event in heard[0] if event.kind == "epoch"] == list(range(1, 30))
