"""Which images of a review are kept, in which order they go, and what becomes of those that a dataset version is made with."""

from pathlib import Path

import pytest

from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.imported import dataset_record, import_record, new_import
from tests.worker.registry.reviewed import configure, keep, plan
from tests.worker.samples import publish
from worker.errors import ModelNotFoundError
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.errors import ReviewImageNotFoundError, ReviewImageTakenError, ReviewOffError
from worker.registry.model_registry import ModelRegistry
from worker.registry.review.records import image_key
from worker.registry.review_retention import clean_reviews


@pytest.fixture
def registry(store: JobStore) -> ModelRegistry:
    """A registry with a model named digits."""
    publish(store)
    return ModelRegistry(store.redis)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def ids(registry: ModelRegistry, state: str) -> list[str]:
    return [one.image.id for one in registry.list_review_images("digits", state)]  # type: ignore[arg-type]


def test_only_names_with_a_model_have_a_review(registry: ModelRegistry) -> None:
    with pytest.raises(ModelNotFoundError):
        configure(registry.redis, "unknown")
    with pytest.raises(ReviewOffError):
        ids(registry, "waiting")
    assert keep(registry.redis, "digits", "rev_1") == ["rev_1"]  # the caller deletes the file again


def test_the_oldest_make_room_and_those_with_a_label_last(registry: ModelRegistry) -> None:
    client = registry.redis
    configure(client, "digits", max_images=3)
    for number in (1, 2, 3):
        assert keep(client, "digits", f"rev_{number}") == []
    registry.label_image("digits", "rev_1", "zero", "bob")
    assert keep(client, "digits", "rev_4") == ["rev_2"]
    assert keep(client, "digits", "rev_5", max_bytes=20) == ["rev_3", "rev_4"]
    assert (ids(registry, "waiting"), ids(registry, "labelled")) == (["rev_5"], ["rev_1"])
    assert keep(client, "digits", "rev_6", sha256="rev_2") == []  # it had to go, and may come again
    assert configure(client, "digits", max_images=1) == ["rev_5", "rev_6"]
    assert configure(client, "digits", max_days=-1) == ["rev_1"]
    state = registry.review_state("digits")
    assert state
    assert state.image_bytes == 0


def test_an_image_that_was_thrown_away_or_used_does_not_come_again(registry: ModelRegistry) -> None:
    client = registry.redis
    configure(client, "digits")
    for number in (1, 2):
        keep(client, "digits", f"rev_{number}")
    assert registry.label_image("digits", "rev_1", None, "bob") is None
    with pytest.raises(ReviewImageNotFoundError):
        registry.label_image("digits", "rev_1", "zero", "bob")
    registry.label_image("digits", "rev_2", "zero", "bob")
    registry.take_labelled("digits", plan("imp_1"))
    assert registry.settle_version("digits", "imp_1", is_made=True) == ["rev_2"]
    assert registry.settle_version("digits", "imp_1", is_made=True) == []
    for number in (1, 2):
        assert keep(client, "digits", "rev_9", sha256=f"rev_{number}") == ["rev_9"]
        assert registry.is_seen("digits", f"rev_{number}")


def test_images_are_used_only_when_the_version_was_made(
    registry: ModelRegistry, store: JobStore, storage: Storage
) -> None:
    client = registry.redis
    configure(client, "digits")
    for number in (1, 2):
        keep(client, "digits", f"rev_{number}")
        storage.put_bytes(image_key("digits", f"rev_{number}"), b"0123456789")
    registry.label_image("digits", "rev_1", "zero", "bob")
    import_record(store, dataset_record())
    rejected = store.submit_import(new_import("other")).dataset_import.id
    assert registry.take_labelled("digits", plan(rejected)).labels == {"rev_1": "zero"}
    registry.label_image("digits", "rev_2", "one", "bob")
    with pytest.raises(ReviewImageTakenError):
        registry.label_image("digits", "rev_1", "one", "bob")
    repeated = registry.take_labelled("digits", plan("imp_2"))  # the first version is being made
    assert repeated.plan == plan(rejected).model_copy(update={"images": 1})
    assert repeated.labels == {"rev_1": "zero"}

    clean_reviews(store, storage, 1000, "default")
    assert ids(registry, "taken") == ["rev_1"]
    store.cancel_item(rejected)
    clean_reviews(store, storage, 1000, "default")
    assert ids(registry, "labelled") == ["rev_2", "rev_1"]
    assert registry.take_labelled("digits", plan("imp_2")).labels == {"rev_1": "zero", "rev_2": "one"}
    configure(client, "digits", max_days=-1)
    assert ids(registry, "taken") == ["rev_2", "rev_1"]  # the import reads them
    assert len(storage.list("reviews/")) == 2


def test_what_is_too_old_goes_while_nobody_looks_and_all_with_the_last_model(
    registry: ModelRegistry, store: JobStore, storage: Storage
) -> None:
    client = registry.redis
    configure(client, "digits")
    for number in (1, 2):
        keep(client, "digits", f"rev_{number}")
        storage.put_bytes(image_key("digits", f"rev_{number}"), b"0123456789")
    key = redis_keys.REVIEW_IMAGES + "digits"
    old = str(client.hget(key, "rev_1")).replace('"time":1', '"time":0', 1)
    client.hset(key, "rev_1", old)
    clean_reviews(store, storage, 1000, "default")
    assert ids(registry, "waiting") == ["rev_2"]
    assert storage.list("reviews/") == [image_key("digits", "rev_2")]

    registry.delete_alias("digits", "production", "bob")
    registry.begin_deletion(registry.list_models("digits").models[0].manifest.id)
    clean_reviews(store, storage, 1000, "default")
    assert storage.list("reviews/") == []
    assert list(client.scan_iter("ninefold:review*")) == []
