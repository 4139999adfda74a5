"""The claim loop: broken workers stop claiming, poison jobs do not stop a worker, a failed supervisor frees its device."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from pydantic import ValidationError

from model.artifact.manifest import MANIFEST_FILE, model_key
from model.host.failpoints import Failpoint, arm
from model.storage.opening import open_storage
from tests.worker.fixtures.poison_sensitive_trainer import POISON
from tests.worker.kinds.dataset_import.uploads import submit_upload
from tests.worker.processes import children_of
from tests.worker.samples import draft, make_due, make_job
from tests.worker.worker_context import (
    claim_next,
    make_supervisor,
    open_import_context,
    open_worker_context,
    run_next,
)
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.training.context import TrainingContext
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import LANES, Kind
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.states import MAX_PUBLISH_DELAY_S, PUBLISH_TRIES_ALLOWED, Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server.keys import ITEM, NOT_BEFORE
from worker.registry.model_registry import ModelRegistry
from worker.service.abilities import Abilities
from worker.service.claim_loop import ClaimLoop
from worker.service.heartbeat import HeartbeatSender


def _claim_loop(
    context: TrainingContext | ImportContext, on_out_of_order: Callable[[], None] = lambda: None
) -> ClaimLoop:
    record = WorkerRecord(
        id="host-1",
        host="host",
        devices=["cpu"],
        state=WorkerState.IDLE,
        version="0",
        started_at=datetime.now(UTC),
    )
    heartbeat = HeartbeatSender(LiveWorkers(context.store.redis), record)
    kind = Kind.TRAINING if isinstance(context, TrainingContext) else Kind.DATASET_IMPORT
    abilities = Abilities(
        lanes=(LANES[kind],),
        devices=1,
        run={kind: lambda *claim: make_supervisor(context, *claim).run()},
        prepare=context.standby.prepare if isinstance(context, TrainingContext) else lambda: None,
    )
    return ClaimLoop(context, abilities, heartbeat, on_out_of_order)


def test_a_worker_on_which_three_jobs_in_a_row_die_early_stops_claiming(
    store: JobStore, tmp_path: Path
) -> None:
    job_ids = [store.submit(make_job()).job_id for _ in range(4)]
    stopped_consuming: list[bool] = []
    with open_worker_context(store, tmp_path, ("trainer_dead_at_start",)) as context:
        claim_loop = _claim_loop(context, lambda: stopped_consuming.append(True))
        claim_loop.drain_queue()
    # The first two jobs died three times each; the first death of the third job shows that the worker is broken.
    assert [len(store.get(job_id).attempts) for job_id in job_ids] == [3, 3, 1, 0]
    assert [store.get(job_id).status for job_id in job_ids[2:]] == [Status.QUEUED, Status.QUEUED]
    assert {attempt.outcome for attempt in store.get(job_ids[0]).attempts} == {Outcome.CRASHED}
    assert claim_loop.is_out_of_order
    assert stopped_consuming == [True]


def test_a_poison_job_does_not_take_its_worker_out_of_service(store: JobStore, tmp_path: Path) -> None:
    poison = store.submit(make_job(tags=[POISON])).job_id
    healthy = store.submit(make_job(epochs=1)).job_id
    with open_worker_context(store, tmp_path, ("poison_sensitive_trainer",)) as context:
        claim_loop = _claim_loop(context)
        claim_loop.drain_queue()
    assert store.get(poison).status is Status.FAILED
    assert store.get(healthy).status is Status.SUCCEEDED
    assert not claim_loop.is_out_of_order


def _block_manifest(store: JobStore, folder: Path) -> str:
    """Return a job whose model is committed, but whose manifest cannot be written: its key has other bytes."""
    job_id = store.submit(make_job()).job_id
    _, attempt_id, _ = claim_next(store)
    store.commit_publish(job_id, attempt_id, draft("mdl_blocked"))
    store.requeue(job_id, attempt_id, Outcome.WORKER_LOST)
    open_storage((folder / "storage").as_uri()).put_bytes(model_key("mdl_blocked", MANIFEST_FILE), b"other")
    return job_id


def test_a_manifest_that_cannot_be_written_lets_other_jobs_pass(store: JobStore, tmp_path: Path) -> None:
    blocked = _block_manifest(store, tmp_path)
    waiting = store.submit(make_job(epochs=1)).job_id
    with open_worker_context(store, tmp_path) as context:
        claim_loop = _claim_loop(context)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            claim_loop.drain_queue()
            time.sleep(0.1)
    assert store.get(waiting).status is Status.SUCCEEDED
    job = store.get(blocked)
    assert job.status is Status.QUEUED
    assert 3 <= len(job.attempts) <= 5  # the worker that died, then tries after 0, 1, 3 and 7 s


def test_a_job_whose_manifest_can_never_be_written_fails_and_leaves_no_model(
    store: JobStore, tmp_path: Path
) -> None:
    job_id = _block_manifest(store, tmp_path)
    with open_worker_context(store, tmp_path) as context:
        for _ in range(PUBLISH_TRIES_ALLOWED):
            assert store.get(job_id).status is Status.QUEUED
            make_due(store)
            run_next(context)
    job = store.get(job_id)
    assert (job.status, job.result, job.finish_reason) == (Status.FAILED, None, None)
    assert job.error is not None
    assert job.error.code == "storage_unavailable"
    assert "could not be written" in job.error.message
    assert open_storage(context.storage_url).list("models/") == []
    registry = ModelRegistry(store.redis)
    assert registry.unfinished_deletions() == []
    assert registry.list_models().models == []
    assert not store.redis.exists(NOT_BEFORE)


def test_the_delay_between_two_tries_doubles_up_to_a_bound(store: JobStore, tmp_path: Path) -> None:
    job_id = _block_manifest(store, tmp_path)
    delays: list[float] = []
    with open_worker_context(store, tmp_path) as context:
        for _ in range(PUBLISH_TRIES_ALLOWED - 1):
            make_due(store)
            run_next(context)
            not_before = store.redis.hget(NOT_BEFORE, job_id)
            assert isinstance(not_before, str)
            delays.append(float(not_before) - time.time())
            if delays[-1] > 3:  # a shorter delay may have passed
                assert store.claim("host:1", new_attempt_id()) is None
    assert delays[:5] == pytest.approx([1, 2, 4, 8, 16], abs=1.5)
    assert delays[-1] == pytest.approx(MAX_PUBLISH_DELAY_S, abs=1.5)


def test_a_job_that_a_worker_cannot_read_goes_back_without_a_death(store: JobStore, tmp_path: Path) -> None:
    unreadable = store.submit(make_job()).job_id
    store.redis.hset(ITEM + unreadable, "spec", '{"dataset": ["of", "the", "future"]}')
    own = store.submit(make_job(epochs=1)).job_id
    with open_worker_context(store, tmp_path) as context:
        claim_loop = _claim_loop(context)
        for _ in range(3):
            claim_loop.drain_queue()
    assert store.get(own).status is Status.SUCCEEDED
    assert store.redis.hget(ITEM + unreadable, "status") == Status.QUEUED
    assert store.redis.hget(ITEM + unreadable, "deaths") == "0"
    assert store.redis.hget(ITEM + unreadable, "attempt_number") == "1"  # it was claimed once by this worker
    assert not claim_loop.is_out_of_order


def test_a_worker_of_the_light_lane_imports_and_leaves_jobs_alone(store: JobStore, tmp_path: Path) -> None:
    job_id = store.submit(make_job()).job_id
    import_ids = [submit_upload(store, tmp_path, name=name) for name in ("pets", "animals")]
    with open_import_context(store, tmp_path) as context:
        _claim_loop(context).drain_queue()
    assert [store.get_import(import_id).status for import_id in import_ids] == [Status.SUCCEEDED] * 2
    assert store.get(job_id).attempts == []


@contextmanager
def _raising_at(failpoint: Failpoint, before: Callable[[], None]) -> Iterator[None]:
    """Raise an unexpected error, after a call of `before`, where this process reaches the failpoint."""

    def fail(reached: Failpoint) -> None:
        if reached is failpoint:
            before()
            raise RuntimeError("the supervisor is broken")

    arm(fail)
    try:
        yield
    finally:
        arm(lambda _: None)


def _own_trainers() -> list[int]:
    return children_of(os.getpid(), "--parent")


def test_no_trainer_is_left_when_the_supervisor_fails(store: JobStore, tmp_path: Path) -> None:
    job_id = store.submit(make_job(epochs=1000)).job_id
    trainers: list[int] = []
    with open_worker_context(store, tmp_path) as context:

        def note_trainers_and_end() -> None:
            trainers.extend(_own_trainers())
            context.drain.request()

        with _raising_at(Failpoint.CLAIM_CHILD_STARTED, note_trainers_and_end):
            _claim_loop(context).drain_queue()
        assert len(trainers) == 1
        assert _own_trainers() == []
    job = store.get(job_id)
    assert job.status is Status.QUEUED
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.CRASHED]


def test_no_trainer_is_left_when_its_start_message_cannot_be_made(store: JobStore, tmp_path: Path) -> None:
    store.submit(make_job())
    with open_worker_context(store, tmp_path) as context:
        with pytest.raises(ValidationError):
            run_next(dataclasses.replace(context, threads=cast("int", "many")))
        assert _own_trainers() == []
