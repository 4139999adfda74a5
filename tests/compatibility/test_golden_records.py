"""The records that earlier releases left in Redis and storage: this release reads, continues, saves and restores them."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.data.record import dataset_key, read_record
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.serving import running_api
from tests.compatibility.deployment import extracted_release
from tests.compatibility.records import RECORDS, load
from tests.conftest import running_valkey
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.records import Job
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.backup.restore import read_backup
from worker.upkeep.backup.write import write_backup
from worker.upkeep.reaper import Reaper
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.record_store import RecordStore
from worker.upkeep.records import Record

NAMES = sorted(path.name for path in RECORDS.iterdir())
DEPENDS_ON_LIVE_WORKERS = "queued_reason"
LEASE_S = 10.0

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def store(redis_client: redis.Redis, name: str) -> JobStore:
    """The records of an earlier release in Redis."""
    load(redis_client, name)
    return JobStore(redis_client)


@pytest.fixture
def folder(tmp_path: Path, name: str) -> Path:
    """The storage of an earlier release, with stand-ins for the large objects."""
    shutil.copytree(RECORDS / name / "storage", tmp_path / "storage")
    return tmp_path / "storage"


@pytest.fixture
def storage(folder: Path, store: JobStore) -> Storage:
    storage = open_storage(folder.as_uri())
    for model in ModelRegistry(store.redis).list_models().models:
        storage.put_bytes(model_key(model.manifest.id, WEIGHTS_FILE), b"weights")
    [paused] = _jobs(store, Status.PAUSED)
    storage.put_bytes(_checkpoint_key(store, paused.id), b"state")
    return storage


def _jobs(store: JobStore, status: Status) -> list[Job]:
    return [job for job in store.list_jobs(limit=100).jobs if job.status is status]


def _checkpoint_key(store: JobStore, job_id: str) -> str:
    record: Any = store.redis.hget(f"ninefold:job:{job_id}", "checkpoint")
    return str(json.loads(record)["key"])


@pytest.fixture
def client(folder: Path, redis_url: str, store: JobStore) -> Iterator[httpx.Client]:
    settings = ApiSettings(
        redis_url=redis_url,
        storage=folder.as_uri(),
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # no predictor listens there
    )
    with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def _missing(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Yield each part of an earlier answer that an answer lacks; further fields are allowed."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() - {DEPENDS_ON_LIVE_WORKERS}:
            yield from _missing(expected[key], found.get(key, "nothing"), f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, pair in enumerate(zip(expected, found, strict=True)):
            yield from _missing(*pair, f"{where}[{number}]")
    elif expected != found:
        yield f"{where}: {found!r} instead of {expected!r}"


def test_the_api_answers_as_the_earlier_release_did(client: httpx.Client, name: str) -> None:
    answers = json.loads((RECORDS / name / "answers.json").read_text())
    for path, expected in answers.items():
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert list(_missing(expected, answer.json(), path)) == []


def test_every_status_is_among_the_records(store: JobStore) -> None:
    """Otherwise the other tests prove less than they seem to."""
    statuses = {job.status for job in store.list_jobs(limit=100).jobs}
    assert statuses == set(Status) - {Status.PAUSING, Status.STOPPING, Status.CANCELLING}
    for job in store.list_jobs(limit=100).jobs:
        events = store.events(job.id).events
        assert events[0].event == "state"
        assert (events[-1].event == "end") == job.is_finished


def test_a_paused_job_is_resumed_and_claimed_with_its_checkpoint(store: JobStore) -> None:
    [paused] = _jobs(store, Status.PAUSED)
    store.resume(paused.id)
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.item_id == paused.id, "it was submitted before all jobs that are queued"
    assert claimed.spec == paused.spec
    assert claimed.checkpoint is not None
    assert claimed.checkpoint.key == _checkpoint_key(store, paused.id)
    assert len(claimed.pauses) == 1
    store.report(paused.id, attempt_id, 1, TrainingReport(log_lines=("resumed",)))
    assert store.logs(paused.id)[-1] == "resumed"
    assert store.requeue(paused.id, attempt_id, Outcome.DRAINED) is Status.QUEUED


def test_the_queued_jobs_are_claimed_in_the_order_of_submission(store: JobStore) -> None:
    queued = sorted(job.id for job in _jobs(store, Status.QUEUED))
    assert [store.get(job_id).spec.gpus for job_id in queued] == [2, 1]
    small = store.claim("host:1", new_attempt_id(), 1)
    large = store.claim("host:1", new_attempt_id(), 2)
    assert small is not None
    assert large is not None
    assert [large.item_id, small.item_id] == queued
    assert store.claim("host:1", new_attempt_id(), 2) is None


def test_a_reaper_takes_the_running_job_from_its_dead_worker(store: JobStore) -> None:
    [running] = _jobs(store, Status.RUNNING)
    now = [0.0]
    reaper = Reaper(store, LEASE_S, lambda _: None, clock=lambda: now[0])
    taken: list[str] = []
    while not taken and now[0] < 3 * LEASE_S:
        taken = reaper.check()
        now[0] += 1
    assert taken == [running.id]
    assert store.get(running.id).status is Status.QUEUED


def test_an_ended_job_is_deleted_without_a_trace(store: JobStore) -> None:
    for job in store.list_jobs(limit=100).jobs:
        if job.is_finished:
            store.delete(job.id)
            traces = list(store.redis.scan_iter(f"*{job.id}*"))
            assert traces == []


def test_the_manifests_and_the_dataset_in_storage_are_read(store: JobStore, storage: Storage) -> None:
    models = ModelRegistry(store.redis).list_models().models
    assert [model.manifest.version for model in models] == [2, 1]
    for model in models:
        stored = storage.read_bytes(model_key(model.manifest.id, MANIFEST_FILE))
        assert Manifest.model_validate_json(stored) == model.manifest
    [record] = [key for key in storage.list("datasets/") if key.endswith("dataset.json")]
    dataset_id = record.split("/")[1]
    assert record == dataset_key(dataset_id, "dataset.json")
    assert read_record(dataset_id, storage).facts.name == "pets"


def test_the_registry_is_rebuilt_from_the_manifests(store: JobStore, storage: Storage) -> None:
    models = ModelRegistry(store.redis).list_models().models
    with running_valkey() as url, connect(url) as empty:
        registry = ModelRegistry(empty)
        assert registry.reindex_if_empty(storage) == len(models)
        assert [model.manifest for model in registry.list_models().models] == [m.manifest for m in models]


def test_a_backup_of_the_records_is_restored(store: JobStore, storage: Storage, tmp_path: Path) -> None:
    backup = io.BytesIO()
    write_backup(store.redis, storage, backup)
    _check_restored(store, storage, io.BytesIO(backup.getvalue()), tmp_path)


def test_a_backup_that_the_release_made_is_restored(
    store: JobStore, storage: Storage, folder: Path, redis_url: str, name: str
) -> None:
    backup = folder.parent / "backup.tar"
    with extracted_release(name) as release:
        environment = {"REDIS_URL": redis_url, "NINEFOLD_STORAGE": folder.as_uri()}
        subprocess.run(
            [sys.executable, "-m", "worker.upkeep.backup.write", str(backup)],
            cwd=release.folder,
            env={**release.environment(), **environment},
            check=True,
        )
    with backup.open("rb") as file:
        _check_restored(store, storage, file, folder.parent)


_INDEXES_OF_LATER_RELEASES = (redis_keys.MODELS_BY_DATASET + "digits",)
"""A restore makes them although the release had none."""


def _check_restored(store: JobStore, storage: Storage, backup: IO[bytes], folder: Path) -> None:
    with running_valkey() as url, connect(url) as empty:
        target = open_storage((folder / "restored").as_uri())
        _, restarting = read_backup(RecordStore(empty), target, backup)
        assert restarting == []
        restored = JobStore(empty)
        for job in store.list_jobs(limit=100).jobs:
            assert restored.get_json(job.id) == store.get_json(job.id)
            assert restored.rows(job.id) == store.rows(job.id)
            assert restored.logs(job.id) == store.logs(job.id)
            assert restored.events(job.id) == store.events(job.id)
        found = _records(empty)
        for key in _INDEXES_OF_LATER_RELEASES:
            found.pop(key, None)
        assert found == _records(store.redis)
        assert ModelRegistry(empty).list_models() == ModelRegistry(store.redis).list_models()
        assert target.list() == storage.list()


def _records(client: redis.Redis) -> dict[str, Record | None]:
    """Return every record and index, but for what belongs to running processes."""
    reader = RecordReader(client)
    return {key: reader.read(key) for page in reader.key_pages() for key in page}
