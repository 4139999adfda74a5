"""Uploaded datasets by id and name."""

import pytest
import redis

from model.data.record import DatasetRecord, SkippedFile
from model.spec import DatasetFacts
from worker.errors import DatasetNameTakenError, DatasetNotFoundError, IdempotencyMismatchError
from worker.registry.datasets import SKIPPED_SHOWN, DatasetRegistry, Expected


@pytest.fixture
def registry(redis_client: redis.Redis) -> DatasetRegistry:
    return DatasetRegistry(redis_client)


def record(dataset_id: str, name: str) -> DatasetRecord:
    facts = DatasetFacts(
        id=dataset_id,
        name=name,
        classes=["cat", "dog"],
        train_counts=[8, 8],
        test_counts=[2, 2],
        median_width=32,
        median_height=32,
        content_hash="00",
    )
    return DatasetRecord(facts=facts, images=20, size_bytes=2_000, skipped=[], skipped_count=1)


def test_a_dataset_is_found_by_id_and_name(registry: DatasetRegistry) -> None:
    added = registry.add(record("ds_1", "pets"), "alice")
    assert registry.get("ds_1") == registry.get("pets") == added
    assert (added.created_by, added.images, added.facts.classes) == ("alice", 20, ["cat", "dog"])


def test_adding_a_dataset_again_returns_the_first_entry(registry: DatasetRegistry) -> None:
    first = registry.add(record("ds_1", "pets"), "alice")
    assert registry.add(record("ds_1", "pets"), "bob") == first
    assert registry.add(record("ds_1", "pets"), "bob", name="animals") == first
    assert registry.get("animals") == first
    assert registry.list_datasets().datasets == [first]


def test_a_record_names_few_skipped_files_and_shortens_their_paths(registry: DatasetRegistry) -> None:
    skipped = [SkippedFile(path=f"{number}" * 60_000, reason="no image") for number in range(30)]
    given = record("ds_1", "pets").model_copy(update={"skipped": skipped, "skipped_count": 30})
    added = registry.add(given, None)
    assert (len(added.skipped), added.skipped_count) == (SKIPPED_SHOWN, 30)
    assert len(registry.get("pets").model_dump_json()) < 10_000


def test_a_name_never_changes_its_dataset(registry: DatasetRegistry) -> None:
    registry.add(record("ds_1", "pets"), "alice")
    with pytest.raises(DatasetNameTakenError):
        registry.add(record("ds_2", "pets"), "alice")
    with pytest.raises(DatasetNotFoundError):
        registry.get("ds_2")


def test_an_upload_under_a_used_name_must_be_the_dataset_of_that_name(registry: DatasetRegistry) -> None:
    assert registry.expect("pets", "alice", "key") == Expected(None, is_repeat=False)
    registry.add(record("ds_1", "pets"), "alice", idempotency_key="key")
    assert registry.expect("pets", "alice", "key") == Expected("ds_1", is_repeat=True)
    assert registry.expect("pets", "alice", "other") == Expected("ds_1", is_repeat=False)
    assert registry.expect("pets", "bob", "key") == Expected("ds_1", is_repeat=False)
    with pytest.raises(IdempotencyMismatchError):
        registry.expect("cats", "alice", "key")


def test_the_names_of_built_in_datasets_are_reserved(registry: DatasetRegistry) -> None:
    with pytest.raises(DatasetNameTakenError):
        registry.expect("digits", "alice")
    with pytest.raises(DatasetNameTakenError):
        registry.add(record("ds_1", "digits"), "alice")


def test_an_unknown_dataset_is_refused(registry: DatasetRegistry) -> None:
    with pytest.raises(DatasetNotFoundError):
        registry.get("pets")
    with pytest.raises(DatasetNotFoundError):
        registry.list_datasets(after="ds_none")


def test_datasets_are_listed_newest_first_in_pages(registry: DatasetRegistry) -> None:
    for number in range(3):
        registry.add(record(f"ds_{number}", f"pets{number}"), None)
    page = registry.list_datasets(limit=2)
    assert ([dataset.facts.id for dataset in page.datasets], page.has_more) == (["ds_2", "ds_1"], True)
    page = registry.list_datasets(limit=2, after="ds_1")
    assert ([dataset.facts.id for dataset in page.datasets], page.has_more) == (["ds_0"], False)
