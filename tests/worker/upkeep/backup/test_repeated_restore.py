"""A restore that was cut short can be repeated; records that did not come with the backup are never replaced."""

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from tests.worker.processes import wait_until
from tests.worker.samples import claim, draft, make_job, publish
from tests.worker.upkeep.backup.service import Service, run_module, run_with_checkpoint
from worker.redis_server import keys as redis_keys
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.errors import BackupRestoredError, StoreOccupiedError


def publish_with_files(service: Service, name: str = "digits") -> str:
    """Publish a model whose manifest in storage is the one in its record; return its id."""
    model_id = publish(service.store, name)
    manifest = str(service.client.get(redis_keys.MODEL + model_id)).encode()
    service.storage.put_bytes(model_key(model_id, WEIGHTS_FILE), b"weights")
    service.storage.put_bytes(model_key(model_id, MANIFEST_FILE), manifest)
    return model_id


def kill_during_restore(backup: bytes, new: Service, tmp_path: Path, model_id: str) -> None:
    """Feed a restore the backup up to the middle of one more object, and kill it after the model's manifest."""
    pipe = tmp_path / "backup.pipe"
    os.mkfifo(pipe)
    address = new.client.connection_pool.connection_kwargs["path"]
    storage = (tmp_path / "new").as_uri()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.upkeep.backup.restore", str(pipe)],
        env={**os.environ, "REDIS_URL": f"unix://{address}", "NINEFOLD_STORAGE": storage},
    )
    with pipe.open("wb", buffering=0) as feed:
        next_object = tarfile.TarInfo("storage/datasets/ds_next/data.bin")
        next_object.size = 1 << 20
        feed.write(backup[: backup.index(b"end.json")] + next_object.tobuf() + bytes(1 << 15))
        wait_until(lambda: new.storage.exists(model_key(model_id, MANIFEST_FILE)))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def start_worker(service: Service) -> int:
    """Do what a starting worker does; returns how many models it registered."""
    return ModelRegistry(service.client).reindex_if_empty(service.storage)


def test_a_killed_restore_can_be_repeated_also_after_a_worker_has_started(
    old: Service, new: Service, tmp_path: Path
) -> None:
    model_id = publish_with_files(old)
    run_with_checkpoint(old)
    ModelRegistry(old.client).set_alias("digits", "canary", 1, "alice")
    backup = old.back_up()
    kill_during_restore(backup, new, tmp_path, model_id)
    assert start_worker(new) == 1
    assert new.restore(backup) == []
    assert new.dump() == old.dump()
    assert new.storage.list() == old.storage.list()


def test_a_repeated_restore_leaves_nothing_that_a_worker_registered(
    old: Service, new: Service, tmp_path: Path
) -> None:
    """The manifest in storage may belong to a model that the backup's registry does not know."""
    model_id = publish_with_files(old)
    old.store.submit(make_job(name="late"))
    job_id, attempt_id = claim(old.store)
    committed = old.store.commit_publish(job_id, attempt_id, draft("mdl_late", "late"))
    old.storage.put_bytes(model_key("mdl_late", WEIGHTS_FILE), b"weights")
    old.storage.put_bytes(model_key("mdl_late", MANIFEST_FILE), committed.manifest_json.encode())
    backup = old.back_up()
    kill_during_restore(backup, new, tmp_path, model_id)
    start_worker(new)
    new.restore(backup)
    assert new.dump() == old.dump()
    new.store.succeed(job_id, attempt_id)
    assert ModelRegistry(new.client).resolve("mdl_late")


def _add_job(service: Service) -> None:
    service.store.submit(make_job())


def _add_model(service: Service) -> None:
    publish_with_files(service, "other")
    for job in service.store.list_jobs().jobs:
        service.store.delete(job.id)


def _add_dataset(service: Service) -> None:
    service.client.zadd(redis_keys.DATASETS, {"ds_1": 1})


@pytest.mark.parametrize("add_record", [_add_job, _add_model, _add_dataset])
def test_a_repeat_over_other_records_is_refused(
    old: Service, new: Service, tmp_path: Path, add_record: Callable[[Service], None]
) -> None:
    model_id = publish_with_files(old)
    backup = old.back_up()
    kill_during_restore(backup, new, tmp_path, model_id)
    start_worker(new)
    add_record(new)
    before = new.dump()
    with pytest.raises(StoreOccupiedError):
        new.restore(backup)
    assert new.dump() == before


def test_a_repeat_of_a_complete_restore_changes_nothing(old: Service, new: Service, tmp_path: Path) -> None:
    job_id = run_with_checkpoint(old)
    backup = old.back_up()
    new.restore(backup)
    new.store.cancel(job_id)
    before = new.dump()
    with pytest.raises(BackupRestoredError):
        new.restore(backup)
    file = tmp_path / "backup.tar"
    file.write_bytes(backup)
    address = new.client.connection_pool.connection_kwargs["path"]
    repeated = run_module("restore", file, f"unix://{address}", tmp_path / "new")
    assert (repeated.returncode, repeated.stdout.count("\n")) == (0, 1)
    assert "nothing was changed" in repeated.stdout
    assert new.dump() == before


def test_another_backup_is_refused_after_a_restore(old: Service, new: Service) -> None:
    run_with_checkpoint(old)
    new.restore(old.back_up())
    with pytest.raises(StoreOccupiedError):
        new.restore(old.back_up())
