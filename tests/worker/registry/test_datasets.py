"""Uploaded datasets by id and name."""

import pytest

from model.data.record import SkippedFile
from tests.worker.imported import (
    claim_import,
    complete_import,
    dataset_record,
    entry_of,
    import_record,
    new_import,
)
from tests.worker.samples import new_evaluation, publish
from worker.errors import DatasetBeingDeletedError, DatasetNameTakenError, DatasetNotFoundError
from worker.queue.states import Status
from worker.queue.store import JobStore
from worker.registry.datasets import SKIPPED_SHOWN, DatasetRegistry, PendingDataset
from worker.registry.errors import DatasetInUseError


@pytest.fixture
def registry(store: JobStore) -> DatasetRegistry:
    return DatasetRegistry(store.redis)


def test_a_dataset_is_found_by_id_and_name_and_by_its_import(
    store: JobStore, registry: DatasetRegistry
) -> None:
    added = import_record(store, dataset_record("ds_1", "pets"))
    assert registry.get("ds_1") == registry.get("pets") == added
    assert (added.created_by, added.images, added.facts.classes) == ("alice", 20, ["cat", "dog"])
    store.submit_import(new_import("animals"))
    import_id = complete_import(store, dataset_record("ds_2", "animals"))
    assert registry.get(import_id).facts.id == "ds_2"


def test_importing_a_dataset_again_under_its_name_returns_the_first_entry(
    store: JobStore, registry: DatasetRegistry
) -> None:
    first = import_record(store, dataset_record("ds_1", "pets"))
    assert import_record(store, dataset_record("ds_1", "pets"), "bob") == first
    assert registry.list_datasets().datasets == [first]
    assert list(store.list_imports()) == []


def test_a_dataset_that_is_added_under_another_name_is_shown_under_both(
    store: JobStore, registry: DatasetRegistry
) -> None:
    first = import_record(store, dataset_record("ds_1", "pets"))
    found = dataset_record("ds_1", "pets").model_copy(update={"warnings": ["other files"]})
    store.submit_import(new_import("animals", "other zip", "bob"))
    by_import = registry.get(complete_import(store, found))
    by_name = registry.get("animals")
    assert by_name == by_import
    assert (by_name.facts.id, by_name.facts.name, by_name.created_by) == ("ds_1", "animals", "bob")
    assert by_name.warnings == ["other files"]
    for ref in ("pets", "ds_1"):
        shown = registry.get(ref)
        assert (shown.facts.name, shown.created_by, shown.warnings) == ("pets", "alice", [])
        assert shown.names == by_name.names == ["pets", "animals"]
    assert registry.list_datasets().datasets == [first.model_copy(update={"names": ["pets", "animals"]})]


def test_a_record_names_few_skipped_files_and_shortens_their_paths(
    store: JobStore, registry: DatasetRegistry
) -> None:
    skipped = [SkippedFile(path=f"{number}" * 60_000, reason="no image") for number in range(30)]
    given = dataset_record().model_copy(update={"skipped": skipped, "skipped_count": 30})
    added = import_record(store, given, None)
    assert (len(added.skipped), added.skipped_count) == (SKIPPED_SHOWN, 30)
    assert len(registry.get("pets").model_dump_json()) < 10_000


def test_a_name_never_changes_its_dataset(store: JobStore, registry: DatasetRegistry) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    store.submit_import(new_import("pets", "other bytes"))
    import_id, attempt_id = claim_import(store)
    entry = entry_of(dataset_record("ds_2", "pets"), "pets", "alice")
    with pytest.raises(DatasetNameTakenError):
        store.succeed_import(import_id, attempt_id, "ds_2", entry)
    assert store.get_import(import_id).status is Status.RUNNING
    assert registry.get("pets").facts.id == "ds_1"
    with pytest.raises(DatasetNotFoundError):
        registry.get("ds_2")


def test_a_name_whose_import_runs_is_a_pending_dataset(store: JobStore, registry: DatasetRegistry) -> None:
    import_id = store.submit_import(new_import()).dataset_import.id
    assert registry.find("pets") == registry.find(import_id) == PendingDataset(import_id)
    with pytest.raises(DatasetNotFoundError):
        registry.get("pets")
    complete_import(store, dataset_record())
    assert registry.find("pets") == registry.find(import_id) == registry.get("ds_1")


def test_an_unknown_dataset_is_refused(registry: DatasetRegistry) -> None:
    with pytest.raises(DatasetNotFoundError):
        registry.get("pets")
    with pytest.raises(DatasetNotFoundError):
        registry.list_datasets(after="ds_none")


def test_datasets_are_listed_newest_first_in_pages(store: JobStore, registry: DatasetRegistry) -> None:
    for number in range(3):
        import_record(store, dataset_record(f"ds_{number}", f"pets{number}"), None)
    page = registry.list_datasets(limit=2)
    assert ([dataset.facts.id for dataset in page.datasets], page.has_more) == (["ds_2", "ds_1"], True)
    page = registry.list_datasets(limit=2, after="ds_1")
    assert ([dataset.facts.id for dataset in page.datasets], page.has_more) == (["ds_0"], False)


def test_a_dataset_is_not_deleted_while_an_import_stores_it_again(
    store: JobStore, registry: DatasetRegistry
) -> None:
    added = import_record(store, dataset_record("ds_1", "pets"))
    store.submit_import(new_import("animals"))
    import_id, attempt_id = claim_import(store)
    store.note_dataset(import_id, attempt_id, "ds_1")
    with pytest.raises(DatasetInUseError, match=import_id):
        registry.begin_deletion("ds_1")
    store.succeed_import(import_id, attempt_id, "ds_1", entry_of(dataset_record("ds_1", "animals")))
    registry.begin_deletion("ds_1")
    assert registry.list_datasets().datasets != [added]


def test_a_dataset_is_not_deleted_while_an_evaluation_on_it_waits(
    store: JobStore, registry: DatasetRegistry
) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    run = store.submit_evaluation(new_evaluation(publish(store), "ds_1")).run
    with pytest.raises(DatasetInUseError, match=run.id):
        registry.begin_deletion("ds_1")
    store.cancel_item(run.id)
    registry.begin_deletion("ds_1")


def test_an_import_does_not_store_a_dataset_whose_files_are_being_deleted(
    store: JobStore, registry: DatasetRegistry
) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    registry.begin_deletion("ds_1")
    store.submit_import(new_import("animals"))
    held = claim_import(store)
    with pytest.raises(DatasetBeingDeletedError):
        store.note_dataset(*held, "ds_1")
    registry.end_deletion("ds_1")
    store.note_dataset(*held, "ds_1")
