"""Compares what the store keeps with the reference model."""

from tests.worker.item_model import ItemModel, QueueModel
from worker.queue.kinds import Kind
from worker.queue.records import DatasetImport, Job
from worker.queue.states import HELD, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys


def assert_agrees(kept: Job | DatasetImport, job: ItemModel) -> None:
    assert [step.status for step in kept.transitions] == job.history
    assert kept.status is job.status
    ended = [attempt.outcome for attempt in kept.attempts if attempt.ended_at]
    assert ended == job.outcomes
    assert (job.attempt is not None) == (job.status in HELD) == (len(kept.attempts) > len(ended))
    assert (kept.result is not None) == (job.status is Status.SUCCEEDED)
    assert (kept.error is not None) == (job.status is Status.FAILED)
    assert (kept.finished_at is not None) == kept.is_finished


def assert_indexes_agree(store: JobStore, model: QueueModel) -> None:
    by_status = {Kind.TRAINING: redis_keys.JOBS_BY_STATUS, Kind.DATASET_IMPORT: redis_keys.IMPORTS_BY_STATUS}
    queues = {Kind.TRAINING: redis_keys.QUEUE, Kind.DATASET_IMPORT: redis_keys.LIGHT_QUEUE}
    listed = [(kind, status) for kind in by_status for status in Status]
    with store.redis.pipeline(transaction=False) as reads:  # one round trip: this runs after every step
        reads.keys(redis_keys.ATTEMPT + "*")
        reads.hgetall(redis_keys.DATASET_NAMES)
        for key in [*queues.values(), *(by_status[kind] + status for kind, status in listed)]:
            reads.zrange(key, 0, -1)
        attempts, names, *lists = reads.execute()
    for kind, queue in zip(queues, lists, strict=False):
        assert queue == [item.id for item in model.in_status(Status.QUEUED, kind)]
    for (kind, status), members in zip(listed, lists[len(queues) :], strict=True):
        assert set(members) == {item.id for item in model.in_status(status, kind)}
    assert len(attempts) == sum(item.status in HELD for item in model.items)
    assert set(names.values()) == set(filter(None, map(_owner_of_name, model.items)))


def _owner_of_name(item: ItemModel) -> str | None:
    """Return what the name of an import belongs to: nothing once the import ended without a dataset."""
    if item.kind is Kind.TRAINING or item.status in {Status.FAILED, Status.CANCELLED}:
        return None
    return f"ds_{item.id}" if item.status is Status.SUCCEEDED else item.id
