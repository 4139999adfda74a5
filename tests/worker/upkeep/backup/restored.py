"""Checks that the records of a restored service fit together."""

from typing import Any

from tests.worker.samples import publish
from tests.worker.upkeep.backup.scene import Scene
from tests.worker.upkeep.backup.service import Service
from worker.queue.calls.listing import JobFilters
from worker.queue.states import TERMINAL, QueuedReason, Status
from worker.redis_server import keys as redis_keys
from worker.registry.datasets import DatasetRegistry
from worker.registry.model_registry import ModelRegistry


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
