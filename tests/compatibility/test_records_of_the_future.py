"""A field or value that a later version added to a record is no error for this version, which keeps it.

What users post stays strict: a misspelt setting must not be ignored.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from api.settings import ApiSettings
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, ManifestDraft, model_key
from model.data.record import RECORD_FILE, DatasetRecord, dataset_key, read_record
from model.storage.opening import open_storage
from model.training.training import run_training
from tests.api.serving import running_api
from tests.model.dataset_facts import facts
from tests.model.manifests import draft as manifest_draft
from tests.model.manifests import published
from tests.model.tiny_training import Recorder, TinyTraining, import_colours
from tests.stored import stored_path
from tests.worker.imported import import_record
from tests.worker.samples import claim, make_job, publish, row
from worker.errors import JobNotFoundError, WrongStateError
from worker.kinds.training.publishing import complete_draft
from worker.queue.archive import JobArchive
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.records import Best, Checkpoint, Job, JobError, Progress
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.datasets import DatasetRegistry
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.archiver import JobArchiver

FUTURE = {"future": {"depth": [1, None, "text"]}}
JSON_FIELDS = ("spec", "metrics", "best", "progress", "checkpoint", "error", "result")


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


def _with_future(text: str) -> str:
    """Return a JSON object, or several with commas in between, with a further field in each."""
    objects = json.loads(f"[{text}]")
    return json.dumps([one | FUTURE for one in objects])[1:-1]


def _plant(client: redis.Redis, job_id: str) -> None:
    """Add a further field to the record of a job and to every JSON object in it."""
    record: Any = client.hgetall(redis_keys.ITEM + job_id)
    objects = (*JSON_FIELDS, "transitions", "attempts")
    planted: Any = {name: _with_future(record[name]) for name in objects if name in record}
    client.hset(redis_keys.ITEM + job_id, mapping=planted | {"future": "kept"})
    for key in (redis_keys.ROWS + job_id, redis_keys.BESTS + job_id):
        rows: Any = client.hgetall(key)
        for epoch, text in rows.items():
            client.hset(key, epoch, _with_future(text))


def _report(store: JobStore, job_id: str, attempt_id: str, seq: int, epoch: int) -> None:
    content = TrainingReport(
        rows=(row(epoch),),
        bests=(Best(epoch=epoch, val_accuracy=0.5),),
        checkpoint=Checkpoint(key=f"checkpoints/{job_id}/{epoch}", epoch=epoch, step=0),
        progress=Progress(epoch=epoch, epochs=3, fraction=0.5),
    )
    store.report(job_id, attempt_id, seq, content)


def _drained_job(store: JobStore) -> str:
    """Return a queued job with one ended attempt, metrics and a checkpoint, planted with fields of the future."""
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    _report(store, job_id, attempt_id, 1, 1)
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    _plant(store.redis, job_id)
    return job_id


def _hash_field(store: JobStore, job_id: str, name: str) -> Any:
    return store.redis.hget(redis_keys.ITEM + job_id, name)


def test_every_part_of_a_job_is_read_and_kept(store: JobStore) -> None:
    job_id = _drained_job(store)
    shown = json.loads(store.get_json(job_id))
    assert json.loads(store.get(job_id).model_dump_json()) == shown
    for part in (
        shown["spec"],
        shown["metrics"],
        shown["best"],
        shown["attempts"][0],
        shown["transitions"][0],
    ):
        assert part["future"] == FUTURE["future"]
    [listed] = store.list_jobs().jobs
    assert listed == store.get(job_id)
    [read] = store.rows(job_id)
    assert json.loads(read.model_dump_json())["future"] == FUTURE["future"]


def test_a_job_is_changed_by_every_request_and_keeps_the_fields(store: JobStore) -> None:
    job_id = _drained_job(store)
    assert store.pause(job_id).status is Status.PAUSED
    assert store.resume(job_id).status is Status.QUEUED
    assert store.stop(job_id).status is Status.QUEUED
    assert store.cancel(job_id).status is Status.CANCELLED
    assert _hash_field(store, job_id, "future") == "kept"
    assert json.loads(_hash_field(store, job_id, "spec"))["future"] == FUTURE["future"]
    store.delete(job_id)
    assert list(store.redis.scan_iter(f"*{job_id}*")) == []


def test_a_job_is_claimed_trained_and_published_with_the_fields(store: JobStore) -> None:
    job_id = _drained_job(store)
    attempt_id = new_attempt_id()
    claimed = store.claim("host:2", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.item_id == job_id
    assert claimed.checkpoint is not None
    assert claimed.checkpoint.epoch == 1
    assert store.get(job_id).metrics == store.rows(job_id)[0]
    _report(store, job_id, attempt_id, 1, 2)
    assert not store.renew(job_id, attempt_id).cancel

    trained = ManifestDraft.model_validate(manifest_draft().model_dump() | {"spec": claimed.spec})
    store.commit_publish(job_id, attempt_id, complete_draft(trained, claimed, "mdl_1"))
    store.succeed(job_id, attempt_id)
    assert _hash_field(store, job_id, "future") == "kept"
    model = ModelRegistry(store.redis).resolve("digits:1")
    assert json.loads(model.manifest.spec.model_dump_json())["future"] == FUTURE["future"]


def test_a_job_with_values_of_the_future_is_read_and_claimed(store: JobStore) -> None:
    job_id = _drained_job(store)
    attempts = str(_hash_field(store, job_id, "attempts")).replace('"drained"', '"preempted"')
    planted: Any = {"phase": "warming_up", "finish_reason": "converged", "attempts": attempts}
    store.redis.hset(redis_keys.ITEM + job_id, mapping=planted)
    [job] = store.list_jobs().jobs
    assert (job.phase, job.finish_reason) == ("warming_up", "converged")
    assert [attempt.outcome for attempt in job.attempts] == ["preempted"]
    text = store.get_json(job_id).replace('"no_worker"', '"quota_exceeded"')
    assert json.loads(Job.model_validate_json(text).model_dump_json()) == json.loads(text)
    assert store.claim("host:2", new_attempt_id()) is not None


def test_the_error_and_the_result_of_a_job_are_read(store: JobStore) -> None:
    publish(store)
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="NaN"))
    jobs = store.list_jobs().jobs
    for job in jobs:
        _plant(store.redis, job.id)
    failed, succeeded = store.list_jobs().jobs
    assert failed.error is not None
    assert failed.error.code == "training_diverged"
    assert succeeded.result is not None
    assert json.loads(succeeded.model_dump_json())["result"]["future"] == FUTURE["future"]


def test_an_archived_job_keeps_the_fields(store: JobStore, tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    job_id = _drained_job(store)
    store.cancel(job_id)
    shown = json.loads(store.get_json(job_id))
    JobArchiver(
        store, lambda _: storage, 1, clock=lambda: datetime(2100, 1, 1, tzinfo=UTC)
    ).archive_old_jobs()
    archived = JobArchive(storage).read(job_id)
    assert archived.job == shown
    assert json.loads(archived.model_dump_json())["rows"][0]["future"] == FUTURE["future"]


def test_a_model_is_read_and_kept(redis_client: redis.Redis) -> None:
    registry = ModelRegistry(redis_client)
    later_values = FUTURE | {"finish_reason": "converged"}
    manifest = json.loads(published("mdl_1", manifest_draft()).model_dump_json()) | later_values
    for part in ("spec", "metrics", "dataset", "preprocessing"):
        manifest[part] |= FUTURE
    registry.register(json.dumps(manifest))
    registry.set_alias("digits", "canary", 1, "alice")
    assert json.loads(registry.resolve("digits@canary").manifest.model_dump_json()) == manifest
    [listed] = registry.list_models().models
    assert json.loads(listed.manifest.model_dump_json()) == manifest

    history: Any = redis_client.lrange(redis_keys.ALIAS_HISTORY + "digits", 0, -1)
    redis_client.lset(redis_keys.ALIAS_HISTORY + "digits", 0, _with_future(history[0]))
    assert [change.to_version for change in registry.alias_history("digits", "canary").changes] == [1]


def test_the_registry_is_rebuilt_with_the_fields(redis_client: redis.Redis, tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    manifest = json.loads(published("mdl_1", manifest_draft()).model_dump_json()) | FUTURE
    storage.put_bytes(model_key("mdl_1", WEIGHTS_FILE), b"weights")
    storage.put_bytes(model_key("mdl_1", MANIFEST_FILE), json.dumps(manifest).encode())
    registry = ModelRegistry(redis_client)
    registry.reindex_if_empty(storage)
    assert json.loads(registry.resolve("mdl_1").manifest.model_dump_json()) == manifest


def test_a_dataset_is_read_and_kept(redis_client: redis.Redis, tmp_path: Path) -> None:
    record = DatasetRecord(facts=facts([3, 3]), images=6, size_bytes=9, skipped=[], skipped_count=0)
    registry = DatasetRegistry(redis_client)
    import_record(JobStore(redis_client), record)
    key = redis_keys.DATASET + "ds_0123"
    entry = json.loads(str(redis_client.get(key))) | FUTURE
    entry["facts"] |= FUTURE
    redis_client.set(key, json.dumps(entry))
    assert registry.get("things").facts == record.facts
    assert import_record(JobStore(redis_client), record, "bob").created_by == "alice"
    assert json.loads(str(redis_client.get(key))) == entry
    assert len(registry.list_datasets().datasets) == 1

    storage = open_storage(tmp_path.as_uri())
    storage.put_bytes(dataset_key("ds_0123", RECORD_FILE), _with_future(record.model_dump_json()).encode())
    assert read_record("ds_0123", storage) == record


def _plant_worker(client: redis.Redis) -> WorkerRecord:
    """Send the heartbeat of a worker of a later version: a further field, an unknown state and an unknown lane."""
    worker = WorkerRecord(
        id="host-1",
        host="host",
        devices=["cpu"],
        state=WorkerState.IDLE,
        version="9.0.0",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    LiveWorkers(client).send_heartbeat(worker)
    later = worker.model_copy(update={"state": "warming_up", "lanes": (Lane.TRAINING, "batch")})
    client.hset(redis_keys.WORKERS, "host-1", _with_future(later.model_dump_json(exclude={"lanes"})))
    client.hset(redis_keys.WORKER_LANES, "host-1", "training,batch")
    return later


def test_the_heartbeat_of_a_later_worker_is_read(redis_client: redis.Redis) -> None:
    later = _plant_worker(redis_client)
    assert LiveWorkers(redis_client).list_workers() == [later]


def test_the_api_answers_with_the_fields(redis_url: str, store: JobStore, tmp_path: Path) -> None:
    publish(store, name="other")
    job_id = _drained_job(store)
    _plant_worker(store.redis)
    registry = ModelRegistry(store.redis)
    manifest = json.loads(registry.resolve("other:1").manifest.model_dump_json()) | FUTURE
    store.redis.set(redis_keys.MODEL + manifest["id"], json.dumps(manifest))
    settings = ApiSettings(
        redis_url=redis_url,
        storage=tmp_path.as_uri(),
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # no predictor listens there
    )
    with running_api(settings) as url, httpx.Client(base_url=url) as client:
        job = client.get(f"/jobs/{job_id}").json()
        assert job in client.get("/jobs").json()["data"]
        assert client.post(f"/jobs/{job_id}/pause").json()["spec"] == job["spec"]
        assert job["spec"]["future"] == FUTURE["future"]
        [metrics] = client.get(f"/jobs/{job_id}/metrics").json()["data"]
        assert metrics["future"] == FUTURE["future"]
        table = client.get(f"/jobs/{job_id}/metrics", headers={"Accept": "text/csv"})
        assert len(table.text.splitlines()) == 2
        assert client.get("/models/other:1").json()["future"] == FUTURE["future"]
        [worker] = client.get("/workers").json()["data"]
        assert (worker["state"], worker["lanes"]) == ("warming_up", ["training", "batch"])
        assert client.post("/jobs", json={"dataset": "digits"}).status_code == 202
        assert client.post("/jobs", json={"dataset": "digits", **FUTURE}).status_code == 422


def test_work_of_a_later_kind_is_left_alone_and_hides_nothing(store: JobStore) -> None:
    later = store.submit(make_job(priority=100)).job_id
    unknown_status = store.submit(make_job()).job_id
    mine = store.submit(make_job()).job_id
    store.redis.hset(redis_keys.ITEM + later, "kind", "dreaming")
    assert store.cancel(unknown_status).status is Status.CANCELLED
    store.redis.hset(redis_keys.ITEM + unknown_status, "status", "dreaming")
    assert [job.id for job in store.list_jobs().jobs] == [mine, unknown_status]
    for call in (store.get, store.cancel, store.pause):
        with pytest.raises(JobNotFoundError):
            call(later)
    with pytest.raises(WrongStateError):
        store.resume(unknown_status)
    claimed = store.claim("host:1", new_attempt_id())
    assert claimed is not None
    assert claimed.item_id == mine
    assert store.claim("host:1", new_attempt_id()) is None
    assert store.redis.zscore(redis_keys.QUEUE, later) is not None


@pytest.fixture
def tiny_training(tmp_path: Path) -> TinyTraining:
    storage = open_storage((tmp_path / "storage").as_uri())
    return TinyTraining(storage, tmp_path / "cache", import_colours(tmp_path / "colours", storage))


def test_a_checkpoint_of_a_later_version_is_resumed(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(recipe="classic", batch_size=10)
    expected = run_training(tiny_training.request(spec), Recorder())
    key = tiny_training.drain(spec, before_step=6).saved[-1].key
    later = _make_later_checkpoint(tiny_training, key)
    again = Recorder()
    trained = run_training(tiny_training.request(spec, attempt=2, resume_from=later), again)
    assert again.rewound_to == []
    assert again.steps[0].step == 3
    assert trained.metrics == expected.metrics


def _make_later_checkpoint(training: TinyTraining, key: str) -> str:
    """Store a copy of a checkpoint with a further field in each JSON object, and a further sum; returns its key."""
    path = stored_path(training.storage, key)
    with safe_open(path, "pt") as file:
        header = file.metadata()
    for name in ("spec", "position", "best"):
        header[name] = _with_future(header[name])
    tensors = load_file(path)
    longer_sums = torch.cat([tensors["sums/epoch"], torch.ones(1, dtype=torch.float64)])
    data = save(tensors | {"sums/epoch": longer_sums}, header | {"future": "x"})
    later_key = (
        f"checkpoints/job_test/2/epoch-0001-step-000002-{hashlib.sha256(data).hexdigest()}.safetensors"
    )
    training.storage.put_bytes(later_key, data)
    return later_key
