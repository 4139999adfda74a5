"""One attempt at the import of a model, with a real store and real importing processes, and deaths in the middle."""

import zipfile
from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.host.failpoints import Failpoint
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.worker.worker_context import (
    acting_at,
    claim_next,
    make_supervisor,
    open_model_import_context,
    run_next,
)
from worker.errors import PublishCommittedError
from worker.queue.calls.model_imports import NewModelImport
from worker.queue.ids import new_model_import_id
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry


class _Death(BaseException):
    """Raised where the worker dies."""


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def submit(store: JobStore, storage: Storage, folder: Path, name: str | None = None) -> str:
    """Queue the import of the bundle of a model that another service has."""
    there = open_storage((folder / "there").as_uri())
    manifest = publish_model(there, name="flowers", version=7)
    new = NewModelImport(new_model_import_id(), name, 1, "0" * 64, created_by="alice")
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (MANIFEST_FILE, *manifest.files):
            archive.writestr(file, there.read_bytes(model_key(manifest.id, file)))
    storage.put_file(new.upload, path)
    return store.submit_model_import(new).model_import.id


def complete_models(storage: Storage) -> list[str]:
    return [key for key in storage.list("models/") if key.endswith(MANIFEST_FILE)]


def test_a_bundle_becomes_the_next_version_of_its_name(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    import_id = submit(store, storage, tmp_path)
    with open_model_import_context(store, tmp_path) as context:
        ended = run_next(context)
    assert (ended.outcome, ended.has_begun) == (Outcome.SUCCEEDED, True)
    done = store.get_model_import(import_id)
    assert done.result is not None
    assert (done.name, done.result.model.name, done.result.model.version) == ("flowers", "flowers", 1)
    registered = ModelRegistry(store.redis).resolve("flowers:1")
    assert registered.aliases == []
    stored = storage.read_bytes(model_key(done.result.model.id, MANIFEST_FILE))
    assert Manifest.model_validate_json(stored) == registered.manifest
    assert registered.manifest.created_by == "alice"
    assert list(storage.list("uploads/")) == []


@pytest.mark.parametrize(
    "moment", [Failpoint.PUBLISH_STAGED, Failpoint.PUBLISH_COMMITTED, Failpoint.PUBLISH_WRITTEN]
)
def test_after_the_death_of_a_worker_there_is_one_model(
    store: JobStore, storage: Storage, tmp_path: Path, moment: Failpoint
) -> None:
    import_id = submit(store, storage, tmp_path, "mine")

    def die() -> None:
        raise _Death

    with open_model_import_context(store, tmp_path) as context:
        claimed, attempt_id, claim_sent_at = claim_next(store)
        with acting_at(moment, die), pytest.raises(_Death):
            make_supervisor(context, claimed, attempt_id, claim_sent_at).run()
        with_manifest = moment is Failpoint.PUBLISH_WRITTEN
        assert len(complete_models(storage)) == with_manifest
        assert ModelRegistry(store.redis).list_models().models == []
        store.requeue(import_id, attempt_id, Outcome.WORKER_LOST)
        assert run_next(context).outcome is Outcome.SUCCEEDED
    done = store.get_model_import(import_id)
    assert done.result is not None
    [model] = ModelRegistry(store.redis).list_models().models
    assert (model.manifest.id, model.manifest.name, model.manifest.version) == (
        done.result.model.id,
        "mine",
        1,
    )
    assert complete_models(storage) == [model_key(model.manifest.id, MANIFEST_FILE)]
    assert list(storage.list("uploads/")) == []


def test_a_cancelled_import_leaves_nothing(store: JobStore, storage: Storage, tmp_path: Path) -> None:
    import_id = submit(store, storage, tmp_path)
    with (
        open_model_import_context(store, tmp_path) as context,
        acting_at(Failpoint.PUBLISH_STAGED, lambda: store.cancel_item(import_id)),
    ):
        ended = run_next(context)
    assert ended.outcome is Outcome.CANCELLED
    assert store.get_model_import(import_id).status is Status.CANCELLED
    assert [*storage.list("models/"), *storage.list("uploads/")] == []


def test_a_committed_import_cannot_be_cancelled(store: JobStore, storage: Storage, tmp_path: Path) -> None:
    import_id = submit(store, storage, tmp_path)
    refused = []

    def cancel() -> None:
        with pytest.raises(PublishCommittedError) as caught:
            store.cancel_item(import_id)
        refused.append(caught.value)

    with (
        open_model_import_context(store, tmp_path) as context,
        acting_at(Failpoint.PUBLISH_COMMITTED, cancel),
    ):
        assert run_next(context).outcome is Outcome.SUCCEEDED
    assert [getattr(error, "code", "") for error in refused] == ["publishing"]


def test_an_upload_that_is_gone_fails_the_import(store: JobStore, storage: Storage, tmp_path: Path) -> None:
    import_id = submit(store, storage, tmp_path)
    storage.delete("uploads/")
    with open_model_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    error = store.get_model_import(import_id).error
    assert error is not None
    assert (error.code, "send the bundle again" in error.message) == ("bundle_rejected", True)
