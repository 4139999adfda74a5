"""Backup, restore, garbage collection and the clean-up at start walk all projects."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from api.process.start_checks import check_storage
from api.settings import ApiSettings
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.data.record import RECORD_FILE, dataset_key
from model.storage.interface import Storage
from model.storage.local import TEMPORARY_FOLDER
from model.storage.opening import open_storage
from tests.worker.imported import claim_import, dataset_record, import_record, new_import
from tests.worker.samples import claim, draft, make_job
from tests.worker.upkeep.backup.service import Service
from worker.queue.attempt_messages import TrainingReport
from worker.queue.ids import new_model_id, upload_key
from worker.queue.records import Checkpoint
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import known_projects, scoped, storage_url
from worker.registry.model_registry import ModelRegistry
from worker.service.service import _check_and_repair
from worker.settings import WorkerSettings
from worker.upkeep.gc import MIN_AGE_S
from worker.upkeep.record_reader import RecordReader

PROJECT = "lab"


def part_of(tmp_path: Path, name: str = "old") -> Storage:
    return open_storage(storage_url((tmp_path / name).as_uri(), PROJECT))


def publish(service: Service, storage: Storage, *, promote: str = "first") -> str:
    """Publish a model of the project with its files; return its id."""
    service.store.submit(make_job(name="cells", project=PROJECT, promote=promote))
    job_id, attempt_id = claim(service.store)
    model_id = new_model_id()
    manifest = service.store.commit_publish(job_id, attempt_id, draft(model_id, "cells")).manifest
    service.store.succeed(job_id, attempt_id)
    storage.put_bytes(model_key(model_id, WEIGHTS_FILE), b"weights")
    storage.put_bytes(model_key(model_id, MANIFEST_FILE), json.dumps(manifest).encode())
    return model_id


def die_while_writing(url: str) -> None:
    script = (
        "import os, signal; from model.storage.opening import open_storage; "
        f"open_storage({url!r}).put_stream('half', lambda file: os.kill(os.getpid(), signal.SIGKILL))"
    )
    died = subprocess.run([sys.executable, "-c", script], check=False)
    assert died.returncode == -signal.SIGKILL


def run(module: str, tmp_path: Path, url: str) -> str:
    environment = {**os.environ, "REDIS_URL": url, "NINEFOLD_STORAGE": (tmp_path / "old").as_uri()}
    command = [sys.executable, "-m", f"worker.upkeep.{module}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_restore_brings_another_project_back(old: Service, new: Service, tmp_path: Path) -> None:
    storage = part_of(tmp_path)
    model_id = publish(old, storage)
    retired = publish(old, storage, promote="never")
    ModelRegistry(old.client).begin_deletion(retired, PROJECT)
    import_record(old.store, dataset_record("ds_lab", "yeast"), project=PROJECT)
    storage.put_bytes(dataset_key("ds_lab", RECORD_FILE), b"{}")
    queued = old.store.submit_import(new_import("birds", project=PROJECT)).dataset_import.id
    storage.put_bytes(upload_key(queued), b"zip")
    old.store.submit(make_job(name="running", project=PROJECT))
    job_id, attempt_id = claim(old.store)
    checkpoint = Checkpoint(key=f"checkpoints/{job_id}/1/epoch-1", epoch=1, step=0)
    storage.put_bytes(checkpoint.key, b"state")
    old.store.report(job_id, attempt_id, 1, TrainingReport(checkpoint=checkpoint))
    storage.put_bytes("archive/jobs/job_1.json", b"{}")
    storage.put_bytes(model_key("mdl_unknown", WEIGHTS_FILE), b"no record refers to it")

    assert new.restore(old.back_up()) == []
    assert new.store.run(known_projects()) == ["default", PROJECT]
    retired_key = scoped(PROJECT, redis_keys.MODEL) + retired
    before = {key: record for key, record in old.dump().items() if key != retired_key}
    assert new.dump() == before
    restored = part_of(tmp_path, "new")
    assert restored.list() == [
        key for key in storage.list() if retired not in key and "mdl_unknown" not in key
    ]
    registry = ModelRegistry(new.client)
    assert registry.resolve("cells@production", PROJECT).manifest.id == model_id
    assert [model.manifest.id for model in registry.list_models(project=PROJECT).models] == [model_id]
    assert claim_import(new.store)[0] == queued


def test_gc_deletes_in_each_project_what_no_record_of_it_refers_to(
    old: Service, redis_url: str, tmp_path: Path
) -> None:
    storage = part_of(tmp_path)
    kept = [publish(old, storage)]
    queued = old.store.submit_import(new_import(project=PROJECT)).dataset_import.id
    storage.put_bytes(upload_key(queued), b"zip")
    # No import of the default project has this upload.
    old.storage.put_bytes(upload_key("imp_lost"), b"zip")
    old.storage.put_bytes(model_key("mdl_half", WEIGHTS_FILE), b"half")
    storage.put_bytes(model_key("mdl_half", WEIGHTS_FILE), b"half")
    then = time.time() - 2 * MIN_AGE_S
    for path in (tmp_path / "old").rglob("*"):
        os.utime(path, (then, then))
    lines = run("gc", tmp_path, redis_url)
    assert f"deleted projects/{PROJECT}/models/mdl_half" in lines
    assert sorted(storage.list()) == sorted(
        [*(model_key(kept[0], file) for file in (WEIGHTS_FILE, MANIFEST_FILE)), upload_key(queued)]
    )
    assert old.storage.exists(
        upload_key("imp_lost")
    )  # Redis knows nothing in that part: is it the wrong Redis?


def test_a_start_completes_and_cleans_what_was_interrupted_in_each_project(
    old: Service, redis_url: str, tmp_path: Path
) -> None:
    storage = part_of(tmp_path)
    model_id, retired = publish(old, storage), publish(old, storage, promote="never")
    registry = ModelRegistry(old.client)
    registry.begin_deletion(retired, PROJECT)
    url = (tmp_path / "old").as_uri()
    settings = {"redis_url": redis_url, "storage": url, "cache_dir": tmp_path / "cache"}
    scratch = tmp_path / "old" / "projects" / PROJECT / TEMPORARY_FOLDER
    die_while_writing(storage_url(url, PROJECT))
    assert list(scratch.iterdir())
    check_storage(ApiSettings.model_validate(settings))
    assert list(scratch.iterdir()) == []
    die_while_writing(storage_url(url, PROJECT))
    _check_and_repair(old.client, WorkerSettings.model_validate(settings))
    assert list(scratch.iterdir()) == []
    assert registry.unfinished_deletions(PROJECT) == []
    assert {key.split("/")[1] for key in storage.list("models/")} == {model_id}


def test_the_models_of_a_project_are_registered_again(old: Service, redis_url: str, tmp_path: Path) -> None:
    model_id = publish(old, part_of(tmp_path))
    old.client.flushdb()
    assert run("reindex", tmp_path, redis_url) == "1 models added to the registry\n"
    assert ModelRegistry(old.client).resolve(model_id, PROJECT).manifest.name == "cells"


def test_the_projects_are_known_from_their_first_item(old: Service) -> None:
    reader = RecordReader(old.client)
    assert reader.projects() == ["default"]
    old.store.submit_import(new_import(project=PROJECT))
    assert reader.projects() == ["default", PROJECT]
