"""Every call that changes something gets the same answer when it is repeated, and takes effect once."""

import asyncio
from collections.abc import Iterator
from importlib.resources import files
from pathlib import PurePath
from typing import Any

import pytest
import redis

from tests.chaos.cluster.network import Link, Network
from tests.ports import free_port
from tests.worker.queue.test_live_workers import record as worker_record
from tests.worker.redis_server.repeated_calls import (
    Run,
    evaluate,
    import_and_wait,
    import_model,
    predict,
    publish,
    review_twice,
    upload_and_forget,
)
from tests.worker.samples import make_job, row
from worker.errors import JobNotFoundError, ModelNotFoundError, WrongStateError
from worker.queue import live_workers
from worker.queue.calls import history, requests, trainings
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import AsyncStoreClient, Operation, StoreClient
from worker.redis_server.connection import connect, connect_async
from worker.redis_server.scripts import ScriptCall, load_script
from worker.registry import aliases, datasets, models, shadow
from worker.registry.datasets import DatasetRegistry
from worker.registry.errors import AliasNotFoundError
from worker.registry.model_registry import ModelRegistry
from worker.registry.scripts import REGISTRY_SCRIPTS

READS = {
    "queue/lua/history/read",
    "queue/lua/requests/replay",
    "queue/lua/live_workers/list_workers",
    "registry/lua/get_alias",
    "registry/lua/get_dataset",
    "registry/lua/list_alias_changes",
    "queue/lua/uploads/read",
    "registry/lua/list_dataset_versions",
    "registry/lua/list_datasets",
    "registry/lua/list_models",
    "registry/lua/review/list",
    "registry/lua/resolve_model",
}


def changes() -> set[str]:
    """List every script of the queue and the registry that changes something."""
    root = PurePath(str(files("worker")))
    scripts = (
        str(PurePath(str(path)).relative_to(root).with_suffix(""))
        for folder in (QUEUE_SCRIPTS, REGISTRY_SCRIPTS)
        for path in (files("worker") / folder.path).rglob("*.lua")  # type: ignore[attr-defined]  # it is a Path
    )
    return {name for name in scripts if "/shared/" not in name and "/reads/" not in name} - READS


@pytest.fixture
def calls() -> set[str]:
    """The scripts that a test has run."""
    return set()


@pytest.fixture
def link(redis_client: redis.Redis) -> Iterator[Link]:
    """A network to Valkey that can lose the reply to a script; Valkey knows every script already."""
    for name in changes():
        folder = QUEUE_SCRIPTS if name.startswith(QUEUE_SCRIPTS.path) else REGISTRY_SCRIPTS
        redis_client.script_load(load_script(folder, name.removeprefix(f"{folder.path}/")).text)
    network = Network()
    port = free_port()
    redis_client.config_set("port", port)
    yield network.open_link(port)
    network.close()
    redis_client.config_set("port", 0)


@pytest.fixture(params=["run twice", "reply lost", "reply lost to asyncio"])
def run(request: pytest.FixtureRequest, redis_client: redis.Redis, link: Link, calls: set[str]) -> Run:
    """Run an operation twice: by this test, or by the Redis client after a lost reply."""
    url = f"redis://127.0.0.1:{link.port}"

    def run_twice(operation: Operation[Any]) -> Any:
        store = StoreClient(redis_client)
        first = store.run(operation)
        assert store.run(operation) == first
        return first

    def lose_reply(call: ScriptCall[Any]) -> Any:
        link.replies_to_lose = 1
        with connect(url) as client:
            answer = StoreClient(client).run(call)
        assert link.replies_to_lose == 0
        return answer

    async def lose_reply_to_asyncio(call: ScriptCall[Any]) -> Any:
        link.replies_to_lose = 1
        async with connect_async(url) as client:
            answer = await AsyncStoreClient(client).run(call)
        assert link.replies_to_lose == 0
        return answer

    def run(operation: Operation[Any]) -> Any:
        if not isinstance(operation, ScriptCall):
            return run_twice(operation)
        calls.add(f"{operation.folder.path}/{operation.name}")
        match request.param:
            case "run twice":
                return run_twice(operation)
            case "reply lost":
                return lose_reply(operation)
            case _:
                return asyncio.run(lose_reply_to_asyncio(operation))

    return run


def test_a_repeated_call_has_the_same_answer_and_one_effect(
    run: Run, calls: set[str], redis_client: redis.Redis
) -> None:
    store, registry = JobStore(redis_client), ModelRegistry(redis_client)
    job_id, model_id = publish(run)
    job = store.get(job_id)
    assert [step.status for step in job.transitions] == [
        "queued",
        "paused",
        "queued",
        "running",
        "pausing",
        "paused",
        "queued",
        "stopping",
        "succeeded",
    ]
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.PAUSED, Outcome.SUCCEEDED]
    assert store.rows(job_id) == [row(1)]

    cancelled = run(trainings.submit(make_job())).job_id
    run(requests.cancel(cancelled))
    packed = store.run(history.read_history(job_id))
    assert packed
    run(history.pack_history(job_id, packed))
    assert store.rows(job_id) == [row(1)]
    for ended in (job_id, cancelled):
        run(requests.delete(ended))
    assert store.list_jobs().jobs == []

    assert run(aliases.set_alias("digits", "canary", 1, "bob")).model.aliases == ["canary", "production"]
    first = registry.resolve(model_id).manifest
    second = first.model_copy(update={"id": "mdl_second", "version": 2})
    run(models.register(second.model_dump_json()))
    run(aliases.set_alias("digits", "canary", 2, "bob"))
    assert run(aliases.roll_back_alias("digits", "canary", "bob")).model.manifest.version == 1
    pair = shadow.Pair(model_id, second.id)
    answer = shadow.ShadowAnswer(label="zero", score=0.5)
    found = shadow.Disagreement(id="dis_1", production=answer, shadow=answer, image_bytes=9)
    kept = shadow.KeptImages(images=0, size_bytes=100, seconds=60)
    assert run(shadow.note_shadow(pair, {"compared": 2}, [found], kept)) == ["dis_1"]
    counts = registry.shadow_counts(pair)
    assert counts
    assert counts.compared == 2
    review_twice(run)
    for alias in ("canary", "production"):
        run(aliases.delete_alias("digits", alias, "bob"))
    assert len(registry.alias_history("digits", "canary").changes) == 4
    run(models.begin_deletion(second.id))
    run(models.end_deletion(second.id))
    manifest = registry.resolve(model_id).manifest.model_dump_json()
    run(models.begin_deletion(model_id))
    run(models.end_deletion(model_id))
    assert run(models.register(manifest)) is True
    assert [model.manifest.id for model in registry.list_models().models] == [model_id]

    evaluate(run, model_id)
    predict(run, model_id)
    imported_id = import_model(run)
    assert [model.manifest.id for model in registry.list_models("imported").models] == [imported_id]
    import_and_wait(run)
    assert DatasetRegistry(redis_client).get("pets").facts.id == "ds_1"
    for unfinished in store.list_jobs().jobs:
        if unfinished.status is Status.QUEUED:
            run(requests.cancel(unfinished.id))
    run(datasets.begin_deletion("ds_1"))
    run(datasets.end_deletion("ds_1"))
    upload_and_forget(run)
    run(live_workers.send_heartbeat(worker_record()))
    run(live_workers.remove("host:1"))
    assert calls == changes()


def test_an_answer_is_repeated_also_after_other_calls(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.pause(job_id)
    resume = requests.resume(job_id)
    first = store.run(resume)
    store.pause(job_id)
    assert store.run(resume) == first
    assert store.get(job_id).status == "paused"  # the repetition changed nothing


def test_another_call_with_the_same_arguments_is_no_repetition(
    store: JobStore, redis_client: redis.Redis
) -> None:
    registry = ModelRegistry(redis_client)
    job_id, model_id = publish(store.run)
    store.delete(job_id)
    with pytest.raises(JobNotFoundError):
        store.delete(job_id)
    registry.delete_alias("digits", "production", "bob")
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias("digits", "production", "bob")
    registry.begin_deletion(model_id)
    registry.end_deletion(model_id)
    with pytest.raises(ModelNotFoundError):
        registry.begin_deletion(model_id)


def test_a_refusal_is_not_kept(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    resume = requests.resume(job_id)
    with pytest.raises(WrongStateError):
        store.run(resume)
    store.pause(job_id)
    assert store.run(resume).status == "queued"


def test_first_replies_are_kept_for_a_minute(store: JobStore) -> None:
    store.submit(make_job())
    (key,) = store.redis.scan_iter(redis_keys.FIRST_REPLIES + "*")
    assert 50 < store.redis.ttl(key) <= 60
