"""The registry of models: versions, references, aliases, deletion, and reindexing from storage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.samples import claim, draft, make_job, publish
from worker.errors import (
    AliasNotFoundError,
    ModelInUseError,
    ModelNotFoundError,
    NoProductionError,
    PublishCommittedError,
)
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.registry.deletion import finish_deletions
from worker.registry.models import ModelRegistry


@pytest.fixture
def registry(redis_client: redis.Redis) -> ModelRegistry:
    return ModelRegistry(redis_client)


def put_model(storage: Storage, manifest: Manifest) -> None:
    storage.put_bytes(model_key(manifest.id, WEIGHTS_FILE), b"weights")
    storage.put_bytes(model_key(manifest.id, MANIFEST_FILE), manifest.model_dump_json().encode())


def test_every_form_of_reference_finds_its_model(store: JobStore, registry: ModelRegistry) -> None:
    first, second = publish(store), publish(store)
    registry.set_alias("digits", "canary", 2, "alice")
    expected = {
        first: first,
        "digits": first,
        "digits:1": first,
        "digits:2": second,
        "digits:latest": second,
        "digits@production": first,
        "digits@canary": second,
    }
    assert {ref: registry.resolve(ref).manifest.id for ref in expected} == expected


def test_a_model_lists_its_aliases_and_the_alias_that_found_it(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish(store)
    registry.set_alias("digits", "canary", 1, None)
    found = registry.resolve("digits")
    assert (found.aliases, found.alias) == (["canary", "production"], "production")
    assert registry.resolve("digits:1").alias is None
    assert found.manifest.preprocessing.std == (0.1 + 0.2,) * 3


@pytest.mark.parametrize(
    "ref",
    [
        "mdl_none",
        "cats",
        "cats:1",
        "cats:latest",
        "cats@production",
        "digits:9",
        "digits@blue",
        "",
        "a b",
        "digits:0",
    ],
)
def test_a_reference_without_a_model_is_refused(store: JobStore, registry: ModelRegistry, ref: str) -> None:
    publish(store)
    with pytest.raises(ModelNotFoundError):
        registry.resolve(ref)


def test_a_bare_name_needs_a_production_model(store: JobStore, registry: ModelRegistry) -> None:
    publish(store, promote="never")
    with pytest.raises(NoProductionError):
        registry.resolve("digits")
    assert registry.production_names() == []
    registry.set_alias("digits", "production", 1, "alice")
    assert registry.resolve("digits").manifest.version == 1
    assert registry.production_names() == ["digits"]


def test_only_the_first_model_of_a_name_becomes_production(store: JobStore, registry: ModelRegistry) -> None:
    publish(store)
    publish(store)
    publish(store, name="cats")
    assert registry.aliases("digits") == {"production": 1}
    assert registry.production_names() == ["cats", "digits"]


def test_versions_count_per_name_and_are_never_reused(store: JobStore, registry: ModelRegistry) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    with pytest.raises(PublishCommittedError):
        store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="storage_error", message="full"))
    with pytest.raises(ModelNotFoundError):
        registry.resolve("digits:1")
    assert registry.resolve(publish(store)).manifest.version == 2
    assert registry.resolve(publish(store, name="cats")).manifest.version == 1


def test_the_history_of_an_alias_names_the_callers_and_the_versions(
    store: JobStore, registry: ModelRegistry
) -> None:
    publish(store)
    publish(store)
    registry.set_alias("digits", "production", 2, "bob")
    registry.set_alias("digits", "production", 2, "bob")
    registry.set_alias("digits", "canary", 2, "bob")
    registry.delete_alias("digits", "production", None)
    history = registry.alias_history("digits", "production")
    assert [(change.by, change.from_version, change.to_version) for change in history] == [
        ("alice", None, 1),
        ("bob", 1, 2),
        (None, 2, None),
    ]
    assert registry.production_names() == []


def test_aliases_of_unknown_names_and_versions_are_refused(store: JobStore, registry: ModelRegistry) -> None:
    publish(store)
    with pytest.raises(ModelNotFoundError, match="digits:9"):
        registry.set_alias("digits", "production", 9, "bob")
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias("digits", "canary", "bob")
    with pytest.raises(AliasNotFoundError):
        registry.alias_history("digits", "canary")
    with pytest.raises(ModelNotFoundError):
        registry.aliases("cats")


def test_models_are_listed_newest_first_in_pages(store: JobStore, registry: ModelRegistry) -> None:
    digits = [publish(store) for _ in range(3)]
    cats = publish(store, name="cats")
    page = registry.list_models(limit=2)
    assert ([model.manifest.id for model in page.models], page.has_more) == ([cats, digits[2]], True)
    page = registry.list_models("digits", after=digits[2])
    assert ([model.manifest.id for model in page.models], page.has_more) == ([digits[1], digits[0]], False)


def test_a_model_is_deleted_only_when_no_alias_points_at_it(store: JobStore, registry: ModelRegistry) -> None:
    model_id, second = publish(store), publish(store)
    with pytest.raises(ModelInUseError) as refusal:
        registry.begin_deletion(model_id)
    assert refusal.value.alias == "production"
    registry.delete_alias("digits", "production", "alice")

    registry.begin_deletion(model_id)
    registry.begin_deletion(model_id)
    for ref in (model_id, "digits:1"):
        with pytest.raises(ModelNotFoundError):
            registry.resolve(ref)
    with pytest.raises(ModelNotFoundError):
        registry.set_alias("digits", "production", 1, "alice")
    assert [model.manifest.id for model in registry.list_models().models] == [second]
    registry.end_deletion(model_id)
    with pytest.raises(ModelNotFoundError):
        registry.begin_deletion(model_id)


def test_reindexing_restores_models_and_version_counters_from_manifests(
    store: JobStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    storage = open_storage(tmp_path.as_uri())
    ids = [publish(store) for _ in range(3)]
    before = [registry.resolve(model_id).manifest for model_id in ids]
    for manifest in before:
        put_model(storage, manifest)
    storage.put_bytes(model_key("mdl_unpublished", WEIGHTS_FILE), b"staged, never published")
    storage.put_bytes(model_key("mdl_leftover", MANIFEST_FILE), before[0].model_dump_json().encode())
    store.redis.flushall()

    assert registry.reindex_if_empty(storage) == 3
    assert registry.reindex_if_empty(storage) == 0
    assert registry.reindex(storage) == 0
    assert [registry.resolve(f"digits:{version}").manifest for version in (1, 2, 3)] == before
    assert registry.resolve(publish(store)).manifest.version == 4


def test_the_reindex_command_prints_the_number_of_new_models(
    store: JobStore, registry: ModelRegistry, redis_url: str, tmp_path: Path
) -> None:
    manifest = registry.resolve(publish(store)).manifest
    storage = open_storage(tmp_path.as_uri())
    put_model(storage, manifest)
    store.redis.flushall()

    environment = {**os.environ, "REDIS_URL": redis_url, "NINEFOLD_STORAGE": tmp_path.as_uri()}
    command = [sys.executable, "-m", "worker.upkeep.reindex"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1 models entered\n"
    assert registry.resolve(manifest.id).manifest == manifest


def test_an_interrupted_deletion_is_finished_and_touches_no_other_model(
    store: JobStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    storage = open_storage(tmp_path.as_uri())
    doomed, kept = publish(store, promote="never"), publish(store, promote="never")
    for model_id in (doomed, kept):
        put_model(storage, registry.resolve(model_id).manifest)
    registry.begin_deletion(doomed)
    storage.delete(model_key(doomed, MANIFEST_FILE))  # the API is killed here

    assert finish_deletions(registry, storage) == [doomed]
    assert storage.list(f"models/{doomed}/") == []
    assert finish_deletions(registry, storage) == []
    assert storage.exists(model_key(kept, WEIGHTS_FILE))
    assert [model.manifest.id for model in registry.list_models().models] == [kept]
    with pytest.raises(ModelNotFoundError):
        registry.begin_deletion(doomed)


def test_reindexing_does_not_restore_a_model_that_is_being_deleted(
    store: JobStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    storage = open_storage(tmp_path.as_uri())
    model_id = publish(store, promote="never")
    manifest = registry.resolve(model_id).manifest
    put_model(storage, manifest)
    registry.begin_deletion(model_id)
    assert registry.reindex(storage) == 0
    assert registry.list_models().models == []
