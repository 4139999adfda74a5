"""The registry is rebuilt from the manifests in storage."""

import os
import subprocess
import sys
from pathlib import Path

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.storage.opening import open_storage
from tests.worker.registry.stored_models import put_model
from tests.worker.samples import publish
from worker.queue.store import JobStore
from worker.redis_server.keys import MODELS, RETIRED_MODELS
from worker.registry.model_registry import ModelRegistry


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


def test_a_model_whose_deletion_has_begun_is_not_registered(
    store: JobStore, registry: ModelRegistry, tmp_path: Path
) -> None:
    storage = open_storage(tmp_path.as_uri())
    manifest = registry.resolve(publish(store)).manifest
    put_model(storage, manifest)
    store.redis.flushall()
    store.redis.sadd(RETIRED_MODELS, manifest.id)
    assert registry.reindex(storage) == 0
    assert not store.redis.exists(MODELS)


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
    assert done.stdout == "1 models added to the registry\n"
    assert registry.resolve(manifest.id).manifest == manifest
