"""Nothing that belongs to one project is seen or changed from another one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.worker.imported import complete_import, dataset_record, new_import
from tests.worker.samples import claim, draft, make_job
from worker.errors import DatasetNotFoundError, JobNotFoundError, ModelNotFoundError
from worker.queue.attempt_messages import Report
from worker.queue.calls import imports, reads, requests, trainings
from worker.queue.calls.listing import JobFilters
from worker.queue.calls.requests import Idempotency
from worker.queue.kinds import Kind
from worker.queue.states import Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import Operation
from worker.registry import aliases, datasets, models

OWN, OTHER = "biology", "default"

JOB_CALLS: dict[str, Callable[..., Operation[Any]]] = {
    "get": reads.get,
    "get_json": reads.get_json,
    "rows": reads.rows,
    "logs": reads.logs,
    "events": reads.events,
    "cancel": requests.cancel,
    "cancel_item": requests.cancel_item,
    "pause": requests.pause,
    "resume": requests.resume,
    "delete": requests.delete,
    "stop": trainings.stop,
}
IMPORT_CALLS: dict[str, Callable[..., Operation[Any]]] = {
    "get_import": imports.get_import,
    "get_json": reads.get_json,
    "logs": reads.logs,
    "events": reads.events,
    "cancel_item": requests.cancel_item,
    "delete": requests.delete,
}


def submit_own(store: JobStore, tags: tuple[str, ...] = ()) -> str:
    return store.submit(replace(make_job(tags=tags), project=OWN)).job_id


@pytest.mark.parametrize("call", JOB_CALLS)
@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.CANCELLED])
def test_a_job_of_another_project_does_not_exist(store: JobStore, call: str, status: Status) -> None:
    job_id = submit_own(store)
    if status is Status.RUNNING:
        claim(store)
    if status is Status.CANCELLED:
        store.cancel(job_id, OWN)
    before = store.get_json(job_id, OWN)
    with pytest.raises(JobNotFoundError):
        store.run(JOB_CALLS[call](job_id, project=OTHER))
    assert store.get_json(job_id, OWN) == before


@pytest.mark.parametrize("call", IMPORT_CALLS)
def test_an_import_of_another_project_does_not_exist(store: JobStore, call: str) -> None:
    import_id = store.submit_import(new_import(project=OWN)).dataset_import.id
    before = store.get_json(import_id, OWN)
    with pytest.raises(JobNotFoundError):
        store.run(IMPORT_CALLS[call](import_id, project=OTHER))
    assert store.get_json(import_id, OWN) == before


def test_a_job_of_an_earlier_release_belongs_to_the_default_project(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.redis.hdel(redis_keys.ITEM + job_id, "project", "kind", "schema_version", "priority")
    assert store.get(job_id).status is Status.QUEUED
    assert store.rows(job_id) == []
    with pytest.raises(JobNotFoundError):
        store.get(job_id, OWN)
    assert claim(store)[0] == job_id
    assert store.project_of(job_id) == "default"
    assert store.project_of("job_none") is None


def test_lists_and_filters_show_the_jobs_of_one_project(store: JobStore) -> None:
    shown = store.submit(make_job(tags=["night"])).job_id
    own = submit_own(store, tags=("night",))
    for filters in (
        JobFilters(),
        JobFilters(status=Status.QUEUED),
        JobFilters(name="digits"),
        JobFilters(dataset="digits"),
        JobFilters(tag="night"),
    ):
        assert [job.id for job in store.list_jobs(filters).jobs] == [shown]
    assert [job.id for job in store.list_jobs(JobFilters(project=OWN)).jobs] == [own]


def test_an_idempotency_key_belongs_to_a_project_and_a_kind(store: JobStore) -> None:
    key = Idempotency("key", "hash")
    job = make_job()
    first = store.submit(job, key)
    own = store.submit(replace(job, project=OWN), key)
    assert not own.is_replay
    replayed = store.replay(Kind.TRAINING, "alice", key, OWN)
    assert replayed is not None
    assert replayed[0] == own.job_id != first.job_id
    assert store.replay(Kind.DATASET_IMPORT, "alice", key, OWN) is None
    assert not store.submit_import(new_import(), "key").is_replay
    assert not store.submit_import(new_import(project=OWN), "key").is_replay


def test_each_project_counts_its_own_versions(store: JobStore) -> None:
    for number, project in enumerate((OTHER, OWN)):
        store.submit(replace(make_job(), project=project))
        job_id, attempt_id = claim(store)
        assert store.commit_publish(job_id, attempt_id, draft(f"mdl_{number}")).version == 1
        store.succeed(job_id, attempt_id)
    assert [m.manifest.id for m in store.run(models.list_models()).models] == ["mdl_0"]
    assert [m.manifest.id for m in store.run(models.list_models(project=OWN)).models] == ["mdl_1"]
    assert store.run(models.resolve("digits", OWN)).manifest.id == "mdl_1"
    assert store.run(aliases.production_names(OWN)) == ["digits"]
    for ref in ("mdl_1", "digits:2"):
        with pytest.raises(ModelNotFoundError):
            store.run(models.resolve(ref))
    with pytest.raises(ModelNotFoundError):
        store.run(models.begin_deletion("mdl_1"))
    with pytest.raises(ModelNotFoundError):
        store.run(aliases.set_alias("digits", "canary", 2, "eve"))


def test_each_project_has_its_own_datasets_and_names(store: JobStore) -> None:
    for project, dataset_id in ((OWN, "ds_1"), (OTHER, "ds_2")):
        store.submit_import(new_import("pets", dataset_id, project=project))
        complete_import(store, dataset_record(dataset_id, "pets"), project=project)
    assert store.run(datasets.get("pets", OWN)).facts.id == "ds_1"
    assert store.run(datasets.get("pets")).facts.id == "ds_2"
    for project, shown in ((OWN, ["ds_1"]), (OTHER, ["ds_2"]), ("empty", [])):
        page = store.run(datasets.list_datasets(project=project))
        assert [dataset.facts.id for dataset in page.datasets] == shown
        assert list(store.list_imports(project=project)) == []
    with pytest.raises(DatasetNotFoundError):
        store.run(datasets.find("ds_1"))


def test_an_import_is_found_and_listed_in_its_project_alone(store: JobStore) -> None:
    import_id = store.submit_import(new_import(project=OWN)).dataset_import.id
    assert [one.id for one in store.list_imports(project=OWN)] == [import_id]
    assert list(store.list_imports()) == []
    for ref in (import_id, "pets"):
        with pytest.raises(DatasetNotFoundError):
            store.run(datasets.find(ref))
    assert not store.submit_import(new_import()).is_replay


def test_workers_serve_all_projects_and_are_told_which(store: JobStore) -> None:
    submit_own(store)
    store.submit_import(new_import(project=OWN))
    for attempt_id in ("att_1", "att_2"):
        claimed = store.claim("host:1", attempt_id)
        assert claimed is not None
        assert claimed.project == OWN
        store.report(claimed.item_id, attempt_id, 1, Report(log_lines=("hello",)))
        assert store.logs(claimed.item_id, project=OWN) == ["hello"]


def test_all_keys_of_a_project_but_those_of_its_items_name_the_project(store: JobStore) -> None:
    submit_own(store, tags=("night",))
    job_id, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    store.succeed(job_id, attempt_id)
    store.submit_import(new_import(project=OWN))
    complete_import(store, dataset_record(), project=OWN)
    own = {key for key in store.redis.scan_iter() if f":project:{OWN}:" in key}
    named = {key.replace(f"project:{OWN}:", "") for key in own}
    assert named >= {
        redis_keys.JOBS,
        redis_keys.JOBS_BY_NAME + "digits",
        redis_keys.JOBS_BY_TAG + "night",
        redis_keys.MODELS,
        redis_keys.LAST_VERSIONS,
        redis_keys.DATASET_NAMES,
        redis_keys.DATASETS,
    }
    assert not store.redis.exists(*named)
