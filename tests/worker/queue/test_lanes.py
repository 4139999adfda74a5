"""Lanes: imports never wait behind trainings, and a worker claims only from the lanes that it serves."""

import pytest

from tests.worker.imported import new_import
from tests.worker.queue.test_live_workers import record as worker_record
from tests.worker.samples import make_job
from worker.queue.attempt_messages import ClaimedImport, ClaimedJob
from worker.queue.ids import new_attempt_id, upload_key
from worker.queue.kinds import Kind, Lane
from worker.queue.live_workers import LiveWorkers, WorkerState
from worker.queue.states import Outcome, QueuedReason, Status
from worker.queue.store import JobStore


def claim_from(store: JobStore, *lanes: Lane) -> str | None:
    claimed = store.claim("host:1", new_attempt_id(), lanes=lanes)
    return claimed.item_id if claimed else None


def submit_import(store: JobStore, name: str = "pets") -> str:
    return store.submit_import(new_import(name)).dataset_import.id


def test_a_worker_claims_only_from_its_lanes(store: JobStore) -> None:
    job_id, import_id = store.submit(make_job()).job_id, submit_import(store)
    assert claim_from(store, Lane.LIGHT) == import_id
    assert claim_from(store, Lane.LIGHT) is None
    assert claim_from(store, Lane.TRAINING) == job_id
    assert claim_from(store, Lane.TRAINING) is None


@pytest.mark.parametrize(("first", "second"), [(Lane.LIGHT, Lane.TRAINING), (Lane.TRAINING, Lane.LIGHT)])
def test_a_worker_claims_from_its_first_lane_first(store: JobStore, first: Lane, second: Lane) -> None:
    expected = {Lane.TRAINING: store.submit(make_job()).job_id, Lane.LIGHT: submit_import(store)}
    assert claim_from(store, first, second) == expected[first]
    assert claim_from(store, first, second) == expected[second]


def test_a_claim_has_what_the_kind_needs(store: JobStore) -> None:
    import_id = submit_import(store)
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedImport)
    assert claimed == ClaimedImport(
        item_id=import_id,
        kind=Kind.DATASET_IMPORT,
        project="default",
        name="pets",
        attempt_number=1,
        created_at=store.get_import(import_id).created_at,
        created_by="alice",
        upload=upload_key(import_id),
        expected_id=None,
    )
    store.submit(make_job())
    assert isinstance(store.claim("host:1", new_attempt_id()), ClaimedJob)


def test_each_lane_has_positions_reasons_and_a_load_of_its_own(store: JobStore) -> None:
    workers = LiveWorkers(store.redis)
    job_ids = [store.submit(make_job()).job_id for _ in range(3)]
    import_id = submit_import(store)
    assert store.get(job_ids[2]).queue_position == 3
    assert store.get_import(import_id).queue_position == 1
    assert {lane: load.queued for lane, load in store.watch().lanes.items()} == {
        Lane.TRAINING: 3,
        Lane.LIGHT: 1,
    }
    assert store.get_import(import_id).queued_reason is QueuedReason.NO_WORKER
    workers.send_heartbeat(worker_record())  # serves trainings alone, as earlier releases do
    assert store.get(job_ids[0]).queued_reason is QueuedReason.STARTING
    assert store.get_import(import_id).queued_reason is QueuedReason.NO_WORKER
    workers.send_heartbeat(worker_record("host:2").model_copy(update={"lanes": (Lane.LIGHT,)}))
    assert store.get_import(import_id).queued_reason is QueuedReason.STARTING
    broken = worker_record("host:2", WorkerState.OUT_OF_ORDER).model_copy(update={"lanes": (Lane.LIGHT,)})
    workers.send_heartbeat(broken)
    assert store.get_import(import_id).queued_reason is QueuedReason.NO_WORKER


def test_a_worker_shows_its_lanes_until_it_leaves(store: JobStore) -> None:
    workers = LiveWorkers(store.redis)
    both = worker_record().model_copy(update={"lanes": (Lane.LIGHT, Lane.TRAINING)})
    workers.send_heartbeat(both)
    assert workers.list_workers() == [both]
    workers.remove(both.id)
    workers.send_heartbeat(worker_record())
    assert [worker.lanes for worker in workers.list_workers()] == [(Lane.TRAINING,)]


def test_a_requeued_import_returns_to_its_lane(store: JobStore) -> None:
    import_id = submit_import(store)
    attempt_id = new_attempt_id()
    store.claim("host:1", attempt_id)
    assert store.watch().leases[0].lane is Lane.LIGHT
    assert store.requeue(import_id, attempt_id, Outcome.DRAINED) is Status.QUEUED
    assert claim_from(store, Lane.TRAINING) is None
    assert claim_from(store, Lane.LIGHT) == import_id
