"""The deletion of a model, also when it was interrupted."""

from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.storage.opening import open_storage
from tests.worker.registry.stored_models import put_model
from tests.worker.samples import new_evaluation, publish
from worker.errors import ModelNotFoundError
from worker.queue.store import JobStore
from worker.registry.deletion import finish_deletions
from worker.registry.errors import ModelInUseError
from worker.registry.model_registry import ModelRegistry


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


def test_a_model_is_not_deleted_while_an_evaluation_of_it_waits(
    store: JobStore, registry: ModelRegistry
) -> None:
    model_id, other = publish(store, promote="never"), publish(store, promote="never")
    waiting, also = (store.submit_evaluation(new_evaluation(model_id)).run.id for _ in range(2))
    with pytest.raises(ModelInUseError, match=f"{waiting} and 1 more still needs {model_id}"):
        registry.begin_deletion(model_id)
    registry.begin_deletion(other)
    for run_id in (waiting, also):
        store.cancel_item(run_id)
    registry.begin_deletion(model_id)


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
