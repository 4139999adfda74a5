"""Backup and restore: a restore creates the same records and objects, or is refused and changes nothing."""

import io
import tarfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.data.record import dataset_key
from model.errors import StorageError
from model.spec import JobSpec
from model.storage.interface import Storage
from model.storage.local import LocalStorage
from tests.conftest import running_valkey
from tests.worker.imported import claim_import, dataset_record, import_record, new_import
from tests.worker.registry.reviewed import configure, keep
from tests.worker.samples import claim, draft, make_job, publish, row
from tests.worker.upkeep.backup.service import Service, put_model, run_module, run_with_checkpoint
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.calls.requests import Idempotency
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import upload_key
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.backup.collection import RecordCollection
from worker.upkeep.backup.write import write_backup
from worker.upkeep.errors import BackupUnreadableError, StoreOccupiedError
from worker.upkeep.reaper import Reaper
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.records import StreamRecord


def test_live_workers_are_not_part_of_a_backup(old: Service) -> None:
    old.store.submit(make_job())
    worker = WorkerRecord(
        id="host:1",
        host="host",
        devices=["cuda:0", "cuda:1"],
        state=WorkerState.IDLE,
        version="0.1.0",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    LiveWorkers(old.client).send_heartbeat(worker)
    old.store.submit(make_job())  # counts the devices of the live workers
    assert not [key for key in old.dump() if key.startswith("ninefold:workers")]


def test_the_upload_of_a_queued_import_is_restored_and_that_of_an_ended_one_is_not(
    old: Service, new: Service
) -> None:
    queued, ended = (old.store.submit_import(new_import(name)).dataset_import.id for name in ("a", "b"))
    for import_id in (queued, ended):
        old.storage.put_bytes(upload_key(import_id), b"zip")
    old.store.cancel_item(ended)
    assert new.restore(old.back_up()) == []
    assert new.storage.list("uploads/") == [upload_key(queued)]
    assert claim_import(new.store)[0] == queued


def test_work_of_a_later_kind_is_copied_as_it_is(old: Service, new: Service) -> None:
    queued, running, ended = (old.store.submit(make_job(priority=1)).job_id for _ in range(3))
    old.store.cancel(ended)
    assert claim(old.store)[0] == queued
    old.store.requeue(queued, str(old.client.hget(redis_keys.ITEM + queued, "attempt")), Outcome.DRAINED)
    for item_id, status in ((queued, "queued"), (running, "dreaming"), (ended, "cancelled")):
        old.client.zrem(redis_keys.JOBS, item_id)
        old.client.zadd("ninefold:dreams", {item_id: 0})
        old.client.hset(redis_keys.ITEM + item_id, mapping={"kind": "dreaming", "status": status})
        old.client.hdel(redis_keys.ITEM + item_id, "dataset", "recipe")
    mine = old.store.submit(make_job()).job_id
    old.storage.put_bytes(f"checkpoints/{running}/1/state", b"state")

    out = io.BytesIO()
    assert sorted(write_backup(old.client, old.storage, out).later) == sorted((queued, running, ended))
    assert new.restore(out.getvalue()) == []
    for prefix in (redis_keys.ITEM, redis_keys.EVENTS):
        for item_id in (queued, running, ended):
            assert new.dump()[prefix + item_id] == old.dump()[prefix + item_id]
    assert new.dump()[redis_keys.QUEUE] == old.dump()[redis_keys.QUEUE]
    assert new.dump()["ninefold:dreams"] == old.dump()["ninefold:dreams"]
    assert new.storage.list() == old.storage.list()
    assert claim(new.store)[0] == mine


def test_a_restore_brings_everything_back(old: Service, new: Service) -> None:
    model_id = publish(old.store)
    put_model(old, model_id)
    running = run_with_checkpoint(old)
    old.store.submit(make_job(tags=["later"]), Idempotency("key", "hash"))
    registry, key = ModelRegistry(old.client), Idempotency("back", "hash")
    registry.set_alias("digits", "canary", 1, "alice", reason="a trial")
    registry.delete_alias("digits", "canary", "alice")
    rolled_back = registry.roll_back_alias("digits", "canary", "bob", idempotency=key)
    for name in ("pets", "animals"):
        import_record(old.store, dataset_record("ds_1", "pets"), name=name)
    import_id = old.store.submit_import(new_import("birds")).dataset_import.id
    posted = JobSpec.model_validate({"dataset": "birds", "name": "birds"})
    old.store.submit(NewJob(posted, waits_for=import_id))

    configure(old.client, "digits")
    keep(old.client, "digits", "rev_1")
    registry.label_image("digits", "rev_1", "zero", "alice")
    old.storage.put_bytes("reviews/digits/rev_1", b"image")

    assert new.restore(old.back_up()) == []
    assert new.dump() == old.dump()
    assert new.storage.list("reviews/") == ["reviews/digits/rev_1"]
    assert list(old.client.scan_iter(redis_keys.FIRST_REPLIES + "*"))
    assert list(new.client.scan_iter(redis_keys.FIRST_REPLIES + "*")) == []
    assert new.store.events(running) == old.store.events(running)
    assert new.store.rows(running) == [row(1)]
    assert new.store.logs(running) == ["hello"]
    assert new.storage.list() == old.storage.list()
    again = new.store.submit(make_job(tags=["later"]), Idempotency("key", "hash"))
    assert again.is_replay
    for kept in map(str, new.client.scan_iter("ninefold:idempotency:*")):
        assert new.client.pexpiretime(kept) == old.client.pexpiretime(kept) > 0
    restored = ModelRegistry(new.client)
    assert restored.roll_back_alias("digits", "canary", "bob", idempotency=key) == rolled_back
    assert [one.reason for one in restored.alias_history("digits", "canary").changes] == [
        None,
        None,
        "a trial",
    ]


@pytest.mark.parametrize(
    ("user_request", "status"),
    [
        (None, Status.QUEUED),
        (JobStore.pause, Status.PAUSED),
        (JobStore.stop, Status.QUEUED),
        (JobStore.cancel, Status.CANCELLED),
    ],
)
def test_a_reaper_takes_a_restored_job_from_its_missing_worker(
    old: Service, new: Service, user_request: Callable[[JobStore, str], object] | None, status: Status
) -> None:
    job_id = run_with_checkpoint(old)
    if user_request:
        user_request(old.store, job_id)
    new.restore(old.back_up())
    now = 0.0
    reaper = Reaper(new.store, 3.0, lambda _: None, clock=lambda: now)
    for now in (1.0, 2.0, 3.0, 4.0, 5.0):  # noqa: B007 - the reaper's clock reads it
        reaper.check()
    assert new.store.get(job_id).status == status
    if status is Status.QUEUED:
        again = new.store.claim("host:2", "att_again")
        assert isinstance(again, ClaimedJob)
        assert again.checkpoint
        assert again.checkpoint.epoch == 1


def test_a_job_whose_checkpoint_was_replaced_during_the_backup_restarts(old: Service, new: Service) -> None:
    job_id = run_with_checkpoint(old)
    old.storage.delete("checkpoints/")
    assert new.restore(old.back_up()) == [job_id]
    assert "checkpoint" not in new.client.hgetall(f"ninefold:job:{job_id}")


def test_events_after_the_job_was_read_are_not_in_the_backup(old: Service) -> None:
    job_id = run_with_checkpoint(old)
    before = old.store.events(job_id).events
    collection = RecordCollection(RecordReader(old.client))
    list(collection.finished_jobs())
    assert [job.value["id"] for job in collection.read_unfinished_jobs()] == [job_id]
    old.store.pause(job_id)
    [events] = [record for record in collection.remaining() if record.key == redis_keys.EVENTS + job_id]
    assert isinstance(events, StreamRecord)
    assert [entry_id for entry_id, _ in events.value] == [event.id for event in before]
    assert len(old.store.events(job_id).events) > len(before)


class DeletingOutput(io.BytesIO):
    """Deletes a model when the first bytes are written, as its owner might."""

    def __init__(self, storage: Storage, model_id: str) -> None:
        super().__init__()
        self._storage, self._key = storage, f"models/{model_id}"

    def write(self, data: Any) -> int:
        self._storage.delete(self._key)
        return super().write(data)


def test_objects_deleted_during_a_backup_are_reported_and_all_others_are_in_it(
    old: Service, new: Service
) -> None:
    model_id = publish(old.store)
    put_model(old, model_id)
    job_id = run_with_checkpoint(old)
    old.storage.put_bytes(f"checkpoints/{job_id}/1/large", bytes(1 << 20))
    out = DeletingOutput(old.storage, model_id)
    end = write_backup(old.client, old.storage, out)
    assert end.gone == [model_key(model_id, WEIGHTS_FILE), model_key(model_id, MANIFEST_FILE)]
    assert end.objects == len(old.storage.list()) == 2
    assert new.restore(out.getvalue()) == []


def test_a_backup_fails_when_storage_cannot_be_read(old: Service, tmp_path: Path) -> None:
    put_model(old, publish(old.store))

    class Unreachable(LocalStorage):
        def as_file(self, key: str) -> NoReturn:
            raise StorageError(f"Storage cannot read {key!r}.")

    unreachable = Service(old.client, Unreachable(tmp_path / "old"))
    with pytest.raises(StorageError, match="cannot read"):
        unreachable.back_up()


def test_only_objects_with_a_record_are_backed_up(old: Service, new: Service) -> None:
    model_id = publish(old.store)
    put_model(old, model_id)
    put_model(old, "mdl_unknown")
    old.storage.put_bytes(dataset_key("ds_unknown", "images.zip"), b"zip")
    old.storage.put_bytes("checkpoints/job_gone/1/epoch-1", b"state")
    old.storage.put_bytes("probes/1", b"probe")
    new.restore(old.back_up())
    assert new.storage.list() == [model_key(model_id, MANIFEST_FILE), model_key(model_id, WEIGHTS_FILE)]


def test_a_committed_model_is_backed_up_before_its_manifest_exists(old: Service, new: Service) -> None:
    old.store.submit(make_job())
    job_id, attempt_id = claim(old.store)
    old.storage.put_bytes(model_key("mdl_1", WEIGHTS_FILE), b"weights")
    old.store.commit_publish(job_id, attempt_id, draft("mdl_1"))
    new.restore(old.back_up())
    assert new.storage.exists(model_key("mdl_1", WEIGHTS_FILE))


def test_the_records_of_a_backup_are_consistent(old: Service, new: Service, redis_url: str) -> None:
    """Jobs run while backups are made; in each backup the indexes agree with the jobs."""
    has_ended = threading.Event()

    def work() -> None:
        with connect(redis_url) as client:
            while not has_ended.is_set():
                publish(JobStore(client))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(5):
            new.client.flushall()
            new.restore(old.back_up())
            for job in new.store.list_jobs(limit=1000).jobs:
                assert new.client.zscore(f"ninefold:jobs:status:{job.status}", job.id) == 0
                if job.result:
                    ModelRegistry(new.client).resolve(job.result.model.id)
    finally:
        has_ended.set()
        worker.join()


@pytest.mark.parametrize("what", ["jobs", "imports", "models", "datasets"])
def test_a_restore_over_existing_records_is_refused(old: Service, new: Service, what: str) -> None:
    run_with_checkpoint(old)
    new.client.zadd(f"ninefold:{what}", {"someone": 0})
    with pytest.raises(StoreOccupiedError, match=what):
        new.restore(old.back_up())
    assert new.storage.list() == []
    assert list(new.client.scan_iter()) == [f"ninefold:{what}"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_a_truncated_backup_is_refused_and_a_complete_one_can_follow(
    old: Service, new: Service, share: float
) -> None:
    put_model(old, publish(old.store))
    backup = old.back_up()
    with pytest.raises(BackupUnreadableError):
        new.restore(backup[: int(len(backup.rstrip(b"\0")) * share)])
    assert set(new.client.scan_iter()) <= {redis_keys.RESTORE}
    new.restore(backup)
    assert new.dump() == old.dump()


@pytest.mark.parametrize("name", ["../evil", "storage/../evil", "storage/models/../../evil", "/evil"])
def test_a_hostile_tar_cannot_write_outside_storage(new: Service, tmp_path: Path, name: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in (
            ("backup.json", b'{"created_at":"2026-01-01T00:00:00Z"}'),
            (name, b"evil"),
        ):
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with pytest.raises((BackupUnreadableError, Exception), match=r"belong|storage key"):
        new.restore(out.getvalue())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_commands_print_what_they_did_or_why_they_failed(
    old: Service, redis_url: str, tmp_path: Path
) -> None:
    put_model(old, publish(old.store))
    file = tmp_path / "backup.tar"
    done = run_module("write", file, redis_url, tmp_path / "old")
    assert done.returncode == 0, done.stderr
    assert " records and 2 objects in " in done.stdout
    assert file.stat().st_mode & 0o077 == 0

    again = run_module("write", file, redis_url, tmp_path / "old")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "exists already" in again.stderr

    refused = run_module("restore", file, redis_url, tmp_path / "new")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith("restore: This Redis already contains jobs")

    with running_valkey() as url:
        restored = run_module("restore", file, url, tmp_path / "new")
        assert restored.returncode == 0, restored.stderr
        with connect(url) as client:
            assert [job.status for job in JobStore(client).list_jobs().jobs] == [Status.SUCCEEDED]
    assert not list(tmp_path.glob("*.partial"))


def test_a_reaper_records_the_outcome_of_a_restored_attempt(old: Service, new: Service) -> None:
    job_id = run_with_checkpoint(old)
    new.restore(old.back_up())
    held = new.client.hgetall(f"ninefold:job:{job_id}")
    new.store.reap(job_id, str(held["attempt"]), int(held["renewals"]))
    assert new.store.get(job_id).attempts[-1].outcome == Outcome.WORKER_LOST
