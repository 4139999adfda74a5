"""A packed history is read as it was before, and it is packed only when no earlier release can be running."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from model.storage.opening import open_storage
from tests.worker.imported import dataset_record, import_record
from tests.worker.packing import packer
from tests.worker.samples import claim, make_job, publish, row
from worker.queue.archive import JobArchive
from worker.queue.attempt_messages import TrainingReport
from worker.queue.packed_history import PACKED
from worker.queue.records import Best, JobError
from worker.queue.scripts import PACKED_BYTES
from worker.queue.states import Outcome, Phase
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.upkeep.archiver import JobArchiver
from worker.upkeep.backup.restore import read_backup
from worker.upkeep.backup.write import write_backup
from worker.upkeep.record_store import RecordStore

LINES = ('a "line"', "é\N{SNOWMAN}", "")
EPOCHS = 30


def ended_job(store: JobStore) -> str:
    store.submit(make_job(epochs=EPOCHS))
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(phase=Phase.TRAINING, log_lines=LINES))
    for epoch in range(1, EPOCHS + 1):
        best = Best(epoch=epoch, val_accuracy=0.5)
        store.report(job_id, attempt_id, 1 + epoch, TrainingReport(rows=(row(epoch),), bests=(best,)))
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="."))
    return job_id


def memory(client: redis.Redis, job_id: str) -> int:
    return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter(f"*{job_id}"))


def test_everything_about_a_packed_job_is_answered_as_before_in_less_memory(store: JobStore) -> None:
    job_id = ended_job(store)
    before = store.get_json(job_id), store.rows(job_id), store.logs(job_id), store.events(job_id)
    bytes_before = memory(store.redis, job_id)
    assert packer(store).pack_all() == [job_id]
    assert (store.get_json(job_id), store.rows(job_id), store.logs(job_id), store.events(job_id)) == before
    assert store.logs(job_id, tail=2) == list(LINES[-2:])
    assert store.logs(job_id, tail=0) == []
    assert store.rows(job_id, after=2, limit=1) == [row(3)]
    assert memory(store.redis, job_id) < bytes_before / 2
    assert packer(store).pack_all() == []


@pytest.mark.parametrize("kept", [None, 3])
def test_pages_of_a_packed_history_begin_where_they_did(store: JobStore, kept: int | None) -> None:
    """After every event of the job, after ids that it never had, and when its oldest events were dropped."""
    job_id = ended_job(store)
    ids = [event.id for event in store.events(job_id).events]
    if kept:
        store.redis.xtrim(redis_keys.EVENTS + job_id, maxlen=kept, approximate=False)
    milliseconds = int(ids[-1].partition("-")[0])
    asked = ["", "0-1", "1", *ids, f"{milliseconds}-999", f"{milliseconds + 1}-0"]
    before = [store.events(job_id, after, count) for after in asked for count in (1, 2, 1000)]
    packer(store).pack_all()
    assert [store.events(job_id, after, count) for after in asked for count in (1, 2, 1000)] == before


def test_only_ended_items_are_packed_and_imports_are_too(store: JobStore) -> None:
    store.submit(make_job())
    running, _ = claim(store)
    store.submit(make_job())
    import_record(store, dataset_record())
    assert len(packer(store).pack_all()) == 1
    assert store.events(running).events


def test_nothing_is_packed_before_earlier_releases_are_gone(store: JobStore) -> None:
    job_id = ended_job(store)
    assert packer(store, after_days=1, hours_from_now=0).pack_all() == []
    assert packer(store, after_days=1, hours_from_now=23).pack_all() == []
    assert packer(store, after_days=1, hours_from_now=25).pack_all() == [job_id]
    new = ended_job(store)
    assert packer(store, after_days=1, hours_from_now=25).pack_all() == [new]


def test_a_large_history_stays_as_it_is(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    for seq in range(1, 4):
        report = TrainingReport(log_lines=("x" * (PACKED_BYTES // 5),))
        store.report(job_id, attempt_id, seq, report)
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="."))
    assert packer(store).pack_all() == []
    assert len(store.logs(job_id)) == 3


def test_a_history_that_cannot_be_read_stays_and_the_others_are_packed(store: JobStore) -> None:
    strange, job_id = ended_job(store), ended_job(store)
    store.redis.xadd(redis_keys.EVENTS + strange, {"future": "event"})
    assert packer(store).pack_all() == [job_id]
    assert store.rows(strange)


def test_two_packers_and_a_deletion_do_no_harm_to_each_other(store: JobStore) -> None:
    job_id, deleted = ended_job(store), ended_job(store)
    before = store.events(job_id)
    histories = {item_id: store.read_history(item_id) for item_id in (job_id, deleted)}
    packer(store).pack_all()
    store.delete(deleted)
    for item_id, history in histories.items():
        assert history is not None
        store.pack_history(item_id, history)
    assert store.events(job_id) == before
    assert list(store.redis.scan_iter(f"*{deleted}")) == []


def test_a_packed_job_is_deleted_and_archived_like_any_other(store: JobStore, tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    job_id = ended_job(store)
    packer(store).pack_all()
    later = datetime.now(UTC) + timedelta(days=2)
    assert JobArchiver(store, lambda _: storage, 1, clock=lambda: later).archive_old_jobs() == [job_id]
    archived = JobArchive(storage).read(job_id)
    assert (archived.rows, archived.log_lines) == ([row(n) for n in range(1, EPOCHS + 1)], list(LINES))
    assert list(store.redis.scan_iter(f"*{job_id}")) == []


def test_a_packed_job_is_in_a_backup(store: JobStore, tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    publish(store)
    job_id = ended_job(store)
    packer(store).pack_all()
    before = store.rows(job_id), store.logs(job_id), store.events(job_id)
    backup = io.BytesIO()
    write_backup(store.redis, storage, backup)
    store.redis.flushdb()
    read_backup(RecordStore(store.redis), storage, io.BytesIO(backup.getvalue()))
    assert (store.rows(job_id), store.logs(job_id), store.events(job_id)) == before
    assert store.redis.hkeys(redis_keys.ROWS + job_id) == [PACKED]
