"""The list of live workers, and the reason that a queued job gives for waiting."""

from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from tests.worker.samples import make_job
from worker.queue import live_workers
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.states import QueuedReason
from worker.queue.store import JobStore


@pytest.fixture
def workers(redis_client: redis.Redis) -> LiveWorkers:
    return LiveWorkers(redis_client)


def record(worker_id: str = "host:1", state: WorkerState = WorkerState.IDLE) -> WorkerRecord:
    return WorkerRecord(
        id=worker_id,
        host="host",
        devices=["cpu"],
        state=state,
        version="0.1.0",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def queued_reason(store: JobStore, **spec: Any) -> str | None:
    return store.submit(make_job(**spec)).job.queued_reason


def test_workers_are_listed_as_in_their_last_heartbeat(workers: LiveWorkers) -> None:
    workers.send_heartbeat(record("host:2"))
    workers.send_heartbeat(record("host:1"))
    busy = record("host:2", WorkerState.BUSY).model_copy(update={"job_id": "job_1"})
    workers.send_heartbeat(busy)
    assert workers.list_workers() == [record("host:1"), busy]


def test_a_removed_worker_disappears_at_once(workers: LiveWorkers) -> None:
    workers.send_heartbeat(record())
    workers.remove("host:1")
    assert workers.list_workers() == []


def test_a_worker_whose_heartbeat_expired_disappears(
    workers: LiveWorkers, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers.send_heartbeat(record("host:2"))
    monkeypatch.setattr(live_workers, "HEARTBEAT_EXPIRES_S", 0)
    workers.send_heartbeat(record("host:1"))
    assert [worker.id for worker in workers.list_workers()] == ["host:2"]
    workers.send_heartbeat(record("host:2"))
    workers.send_heartbeat(record("host:3"))
    assert workers.list_workers() == []
    assert queued_reason(store) == QueuedReason.NO_WORKER


def test_a_queued_job_gives_the_reason_for_waiting(workers: LiveWorkers, store: JobStore) -> None:
    assert queued_reason(store) == QueuedReason.NO_WORKER
    workers.send_heartbeat(record(state=WorkerState.OUT_OF_ORDER))
    assert queued_reason(store) == QueuedReason.NO_WORKER
    workers.send_heartbeat(record())
    assert queued_reason(store) == QueuedReason.BEHIND_OTHER_JOBS
    workers.send_heartbeat(record(state=WorkerState.OUT_OF_ORDER))
    assert queued_reason(store) == QueuedReason.NO_WORKER


def test_the_first_job_starts_while_a_worker_is_idle(workers: LiveWorkers, store: JobStore) -> None:
    workers.send_heartbeat(record())
    first, second = (store.submit(make_job()).job_id for _ in range(2))
    assert store.get(first).queued_reason is QueuedReason.STARTING
    assert store.get(second).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
    workers.send_heartbeat(record(state=WorkerState.BUSY))
    assert store.get(first).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
    workers.send_heartbeat(record("host:2"))
    assert store.get(first).queued_reason is QueuedReason.STARTING


def test_the_first_job_starts_only_while_an_idle_worker_has_enough_devices(
    workers: LiveWorkers, store: JobStore
) -> None:
    two = {"devices": ["cuda:0", "cuda:1"]}
    workers.send_heartbeat(record("host:2", WorkerState.BUSY).model_copy(update=two))
    workers.send_heartbeat(record("host:1"))
    wide = store.submit(make_job(gpus=2)).job_id
    assert store.get(wide).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
    store.cancel(wide)
    narrow = store.submit(make_job()).job_id
    assert store.get(narrow).queued_reason is QueuedReason.STARTING
    workers.send_heartbeat(record("host:1", WorkerState.BUSY))
    assert store.get(narrow).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
    workers.send_heartbeat(record("host:2").model_copy(update=two))
    assert store.get(narrow).queued_reason is QueuedReason.STARTING


def test_of_many_busy_workers_a_second_read_asks_none(
    workers: LiveWorkers, store: JobStore, redis_client: redis.Redis
) -> None:
    for number in range(50):
        workers.send_heartbeat(record(f"host:{number}", WorkerState.BUSY))
    first = store.submit(make_job()).job_id
    store.get(first)

    def commands_of_a_read() -> int:
        redis_client.config_resetstat()
        assert store.get(first).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
        stats: Any = redis_client.info("commandstats")
        return int(stats.get("cmdstat_hget", {"calls": 0})["calls"])

    # What the first read found counts for a second: one of several reads in a row begins within it.
    assert min(commands_of_a_read() for _ in range(5)) == 0


def test_an_idle_worker_with_too_few_devices_starts_nothing(workers: LiveWorkers, store: JobStore) -> None:
    two = {"devices": ["cuda:0", "cuda:1"]}
    workers.send_heartbeat(record("host:1"))
    workers.send_heartbeat(record("host:2", WorkerState.BUSY).model_copy(update=two))
    job_id = store.submit(make_job(gpus=2)).job_id
    assert store.get(job_id).queued_reason is QueuedReason.BEHIND_OTHER_JOBS
    workers.send_heartbeat(record("host:2").model_copy(update=two))
    assert store.get(job_id).queued_reason is QueuedReason.STARTING


def test_a_job_that_needs_more_devices_than_any_worker_has_gives_that_reason(
    workers: LiveWorkers, store: JobStore
) -> None:
    assert queued_reason(store, gpus=2) == QueuedReason.NO_WORKER
    workers.send_heartbeat(record("host:1"))
    assert queued_reason(store, gpus=2) == QueuedReason.NO_MATCHING_WORKER
    workers.send_heartbeat(record("host:2").model_copy(update={"devices": ["cuda:0", "cuda:1"]}))
    assert queued_reason(store, gpus=2) == QueuedReason.BEHIND_OTHER_JOBS
    assert queued_reason(store, gpus=3) == QueuedReason.NO_MATCHING_WORKER
    workers.remove("host:2")
    assert queued_reason(store, gpus=2) == QueuedReason.NO_MATCHING_WORKER
    assert queued_reason(store) == QueuedReason.BEHIND_OTHER_JOBS
