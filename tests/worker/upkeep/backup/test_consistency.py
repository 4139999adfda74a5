"""Whatever happens between two commands of a backup, its records fit together after a restore."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from model.spec import JobSpec
from model.storage.opening import open_storage
from tests.conftest import running_valkey
from tests.worker.imported import claim_import, dataset_record, entry_of, import_record, new_import
from tests.worker.samples import claim, draft, make_job, make_spec, publish
from tests.worker.upkeep.backup.service import Service
from worker.queue.calls.listing import JobFilters
from worker.queue.calls.requests import Idempotency
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import new_model_id
from worker.queue.states import TERMINAL, Outcome, QueuedReason, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.registry.datasets import DatasetRegistry
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.gc import find_unreferenced
from worker.upkeep.indexes import is_index
from worker.upkeep.record_reader import PAGE


class CountingConnection(redis.UnixDomainSocketConnection):
    """A connection that acts before its nth request: what another client may do at this moment."""

    requests = 0
    act_at: int | None = None
    act: Callable[[], None]

    def send_packed_command(self, command: Any, check_health: bool = True) -> Any:
        cls = type(self)
        cls.requests += 1
        if cls.requests == cls.act_at:
            cls.act()
        return super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]  # redis-py's own


@dataclass
class Scene:
    """A small service with a job in most states, and the ids that the acts need."""

    service: Service
    running: tuple[str, str] = field(init=False)
    """The job and attempt that will make the first model of its name, which is promoted."""
    running_again: tuple[str, str] = field(init=False)
    """The job and attempt that will make another model, which is not promoted."""
    importing: tuple[str, str] = field(init=False)
    waiting: str = field(init=False)
    """The job that waits for the dataset."""
    finished: str = ""
    first_model: str = ""
    deleted: set[str] = field(default_factory=set)
    """The jobs and models that were deleted."""

    def __post_init__(self) -> None:
        store = self.service.store
        store.submit(make_job(name="new-name", promote="first"))
        self.running = claim(store)
        store.submit(make_job(promote="never"))
        self.running_again = claim(store)
        store.submit(make_job(tags=["queued"], gpus=2))
        store.submit_import(new_import("birds"))
        self.importing = claim_import(store)
        posted = JobSpec.model_validate({"dataset": "birds", "name": "birds"})
        self.waiting = store.submit(NewJob(posted, "alice", waits_for=self.importing[0])).job_id

    def publish_before(self) -> None:
        """Publish two models that the backup finds."""
        self.first_model = publish(self.service.store)
        publish(self.service.store)
        self.finished = self.service.store.list_jobs().jobs[0].id

    @property
    def models(self) -> ModelRegistry:
        return ModelRegistry(self.service.client)


def commit(scene: Scene, job_id: str, attempt_id: str, name: str) -> None:
    manifest = draft(new_model_id(), name) | {"job_id": job_id}
    scene.service.store.commit_publish(job_id, attempt_id, manifest)


def commit_the_running_job(scene: Scene) -> None:
    commit(scene, *scene.running, "new-name")


def finish_the_running_job(scene: Scene) -> None:
    commit_the_running_job(scene)
    scene.service.store.succeed(*scene.running)


def finish_without_promotion(scene: Scene) -> None:
    commit(scene, *scene.running_again, "digits")
    scene.service.store.succeed(*scene.running_again)


def finish_and_promote(scene: Scene) -> None:
    finish_without_promotion(scene)
    scene.models.set_alias("digits", "production", 3, "alice")


def cancel_and_delete_the_running_job(scene: Scene) -> None:
    store, (job_id, attempt_id) = scene.service.store, scene.running
    store.cancel(job_id)
    store.finish(job_id, attempt_id, Outcome.CANCELLED)
    store.delete(job_id)
    scene.deleted.add(job_id)


def delete_a_finished_job(scene: Scene) -> None:
    scene.service.store.delete(scene.finished)
    scene.deleted.add(scene.finished)


def train_another_job(scene: Scene) -> None:
    scene.service.store.submit(make_job(name="newest"), Idempotency("newest", "hash"))
    job_id, attempt_id = claim(scene.service.store)
    commit(scene, job_id, attempt_id, "newest")
    scene.service.store.succeed(job_id, attempt_id)


def move_the_alias_and_delete_its_model(scene: Scene) -> None:
    scene.models.set_alias("digits", "production", 2, "alice")
    scene.models.begin_deletion(scene.first_model)
    scene.deleted.add(scene.first_model)
    scene.models.end_deletion(scene.first_model)


def begin_to_delete_a_model(scene: Scene) -> None:
    scene.models.set_alias("digits", "production", 2, "alice")
    scene.models.begin_deletion(scene.first_model)
    scene.deleted.add(scene.first_model)


def train_on_a_new_dataset(scene: Scene) -> None:
    import_record(scene.service.store, dataset_record("ds_new", "pets"))
    scene.service.store.submit(make_job(dataset="ds_new"))


def complete_the_import(scene: Scene) -> None:
    store, (import_id, attempt_id) = scene.service.store, scene.importing
    entry = entry_of(dataset_record("ds_birds", "birds"), "birds")
    store.succeed_import(import_id, attempt_id, "ds_birds", entry)
    resolved = make_spec(dataset="ds_birds", name="birds")
    store.release_waiting(scene.waiting, import_id, resolved, ())
    store.note_settled(import_id)


def wait_for_another_import(scene: Scene) -> None:
    import_id = scene.service.store.submit_import(new_import("fish")).dataset_import.id
    posted = JobSpec.model_validate({"dataset": "fish", "name": "fish"})
    scene.service.store.submit(NewJob(posted, "alice", waits_for=import_id))


def lose_and_claim_the_running_job(scene: Scene) -> None:
    store, (job_id, attempt_id) = scene.service.store, scene.running
    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    claim(store)


def check_import(new: Service, import_id: str, job_id: str) -> None:
    """The job will be released: its import runs, or is to be settled."""
    assert job_id in new.store.waiting_jobs(import_id)
    status = new.client.hget(redis_keys.ITEM + import_id, "status")
    assert status is not None
    is_to_settle = new.client.sismember(redis_keys.ENDED_IMPORTS, import_id)
    assert bool(is_to_settle) == (status in TERMINAL)


def check(new: Service, scene: Scene) -> None:
    """Everything that lists lead to exists and fits; the service works on."""
    store, models = new.store, ModelRegistry(new.client)
    registered = models.list_models(limit=1000).models
    jobs = store.list_jobs(limit=1000).jobs
    assert {job.id for job in jobs} == {
        key.removeprefix(redis_keys.ITEM) for key in new.client.scan_iter(redis_keys.ITEM + "job_*")
    }
    before = {scene.running[0], scene.running_again[0], scene.finished} - {""}
    assert before - scene.deleted <= {job.id for job in jobs}
    for job in jobs:
        assert [
            one.id for one in store.list_jobs(JobFilters(status=Status(job.status)), limit=1000).jobs
        ].count(job.id) == 1
        waits_for = new.client.hget(redis_keys.ITEM + job.id, "waits_for")
        if waits_for and job.status is Status.QUEUED:
            check_import(new, str(waits_for), job.id)
            continue
        assert (job.queue_position is not None) == (job.status is Status.QUEUED)
        if job.result and job.result.model.id not in scene.deleted:
            assert models.resolve(job.result.model.id)
            assert job.spec.promote == "never" or "production" in _aliases(new, job.name)
        ended = store.events(job.id).events[-1].event == "end"
        assert ended == job.is_finished
        if job.spec.dataset != "digits":
            DatasetRegistry(new.client).get(job.spec.dataset)
    unfinished = {job.id for job in jobs if not job.is_finished}
    assert not unfinished.intersection(model.manifest.job_id or "" for model in registered)
    for key in new.client.scan_iter(redis_keys.IDEMPOTENCY + "*"):
        assert new.client.hget(key, "job_id") in {job.id for job in jobs}
    versions = [(model.manifest.name, model.manifest.version) for model in registered]
    assert len(set(versions)) == len(versions)
    for name, last in _last_versions(new).items():
        for alias in _aliases(new, name):
            models.resolve(f"{name}@{alias}")
        assert all(version <= int(last) for one, version in versions if one == name)
    assert len(DatasetRegistry(new.client).list_datasets().datasets) == new.client.zcard(redis_keys.DATASETS)
    while store.claim("host:9", f"att_{new.client.incr('test:attempts')}", 2):
        pass
    queued = store.list_jobs(JobFilters(status=Status.QUEUED)).jobs
    assert {job.queued_reason for job in queued} <= {QueuedReason.WAITING_FOR_DATASET}
    for name in _last_versions(new):
        manifest = models.resolve(publish(store, name)).manifest
        assert (name, manifest.version) not in versions


def _last_versions(service: Service) -> dict[str, str]:
    found: Any = service.client.hgetall(redis_keys.LAST_VERSIONS)
    return dict(found)


def _aliases(service: Service, name: str) -> list[str]:
    found: Any = service.client.hkeys(redis_keys.ALIASES + name)
    return list(found)


@pytest.fixture
def counting(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """The service to back up, over connections that count."""

    class Connection(CountingConnection):
        pass

    path = redis_url.removeprefix("unix://").partition("?")[0]
    pool = redis.ConnectionPool(connection_class=Connection, path=path, decode_responses=True)
    with redis.Redis(connection_pool=pool) as client:
        yield Service(client, open_storage((tmp_path / "old").as_uri()))


def backs_up_consistently(
    old: Service,
    new: Service,
    counting: Service,
    act: Callable[[Scene], None],
    moment: int,
    *,
    has_models: bool,
) -> bool:
    """Back up a scene, act before the given request of the backup, and check; False if there was no such request."""
    old.client.flushall()
    new.client.flushall()
    scene = Scene(old)
    if has_models:
        scene.publish_before()
    has_acted = threading.Event()

    def act_once() -> None:
        has_acted.set()
        act(scene)

    connection: Any = counting.client.connection_pool.connection_class
    connection.requests, connection.act_at, connection.act = 0, moment, staticmethod(act_once)
    new.restore(counting.back_up())
    check(new, scene)
    return has_acted.is_set()


NEED_MODELS = (
    finish_and_promote,
    delete_a_finished_job,
    move_the_alias_and_delete_its_model,
    begin_to_delete_a_model,
)


@pytest.mark.parametrize("has_models", [True, False])
@pytest.mark.parametrize(
    "act",
    [
        finish_the_running_job,
        finish_without_promotion,
        finish_and_promote,
        commit_the_running_job,
        cancel_and_delete_the_running_job,
        delete_a_finished_job,
        train_another_job,
        move_the_alias_and_delete_its_model,
        begin_to_delete_a_model,
        train_on_a_new_dataset,
        complete_the_import,
        wait_for_another_import,
        lose_and_claim_the_running_job,
    ],
)
def test_an_act_at_any_moment_of_a_backup_leaves_it_consistent(
    old: Service, new: Service, counting: Service, act: Callable[[Scene], None], has_models: bool
) -> None:
    if act in NEED_MODELS and not has_models:
        return
    moment = 1
    while backs_up_consistently(old, new, counting, act, moment, has_models=has_models):
        moment += 1
    assert moment > 15


def test_a_job_that_succeeds_during_the_backup_is_in_it_with_its_model(old: Service, new: Service) -> None:
    scene = Scene(old)
    finish_the_running_job(scene)
    new.restore(old.back_up())
    assert ModelRegistry(new.client).resolve("new-name").manifest.version == 1
    check(new, scene)


def test_no_command_of_backup_and_gc_reads_a_large_key_at_once(tmp_path: Path, new: Service) -> None:
    """The server answers nothing else during a command, so none may grow with the number of jobs."""
    options = ("--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000000")
    with running_valkey(*options) as url, connect(url, timeout_s=60) as client:
        service = Service(client, open_storage((tmp_path / "old").as_uri()))
        jobs = PAGE + PAGE // 2
        for _ in range(jobs):
            service.store.cancel(service.store.submit(make_job()).job_id)
        large = {key for key in map(str, client.scan_iter()) if _size(client, key) > PAGE}
        assert {redis_keys.JOBS, redis_keys.FEED} <= large
        client.slowlog_reset()
        backup = service.back_up()
        find_unreferenced(client, service.storage)
        commands = [entry["command"].decode().split(" ") for entry in client.slowlog_get(-1)]
        new.restore(backup)
        assert new.client.zcard(redis_keys.JOBS) == jobs
    assert len(commands) > jobs
    for name, key, *arguments in (command for command in commands if len(command) > 1):
        assert name.upper() not in ("KEYS", "SMEMBERS", "EVAL", "EVALSHA", "FCALL")
        if key in large:
            assert not is_index(key)
            assert name.upper() in ("TYPE", "PEXPIRETIME", "XRANGE") or name.upper().endswith("SCAN")
        if "COUNT" in arguments:
            assert int(arguments[arguments.index("COUNT") + 1]) <= PAGE


def _size(client: Any, key: str) -> int:
    sizes = {"zset": client.zcard, "set": client.scard, "hash": client.hlen, "stream": client.xlen}
    size = sizes.get(client.type(key))
    return int(size(key)) if size else 1
