"""What a manifest says of the models from whose weights the model comes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, ManifestDraft, model_key
from model.comparison.ancestry import ancestry_of
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.comparison.published import Publisher, import_photos
from tests.model.comparison.test_comparing import cats_and_dogs, photos
from tests.model.manifests import draft, published
from tests.worker.imported import dataset_record
from tests.worker.samples import make_job
from worker.kinds.training.origin import find_origin
from worker.kinds.training.publishing import complete_draft, count_seen, find_ancestry
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.ids import new_attempt_id
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.datasets import registered
from worker.registry.model_registry import ModelRegistry


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(tmp_path.as_uri())


def started_from(model_id: str, dataset: str = "digits") -> ManifestDraft:
    plain = draft()
    spec = plain.spec.model_copy(update={"init_from": model_id})
    reference = plain.dataset.model_copy(update={"id": dataset})
    return plain.model_copy(update={"spec": spec, "dataset": reference})


def test_the_lineage_names_all_ancestors_and_their_datasets(store: JobStore, storage: Storage) -> None:
    store.submit(make_job())
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    parent = published("mdl_parent", started_from("mdl_deleted", "ds_parent"))
    storage.put_bytes(model_key("mdl_parent", MANIFEST_FILE), parent.model_dump_json().encode())

    child = started_from("mdl_parent")
    complete = complete_draft(child, claimed, "mdl_child", find_ancestry(child.spec, storage))
    store.commit_publish(claimed.item_id, attempt_id, complete)
    store.succeed(claimed.item_id, attempt_id)
    manifest = ModelRegistry(store.redis).resolve("mdl_child").manifest
    assert manifest.lineage["ancestors"] == [
        {"model": "mdl_parent", "dataset": "ds_parent"},
        {"model": "mdl_deleted", "dataset": None},
    ]
    storage.delete(model_key("mdl_parent", MANIFEST_FILE))
    assert ancestry_of(manifest, storage).datasets == {"ds_parent"}


def test_a_model_with_random_initial_weights_has_no_ancestors(storage: Storage) -> None:
    assert find_ancestry(draft().spec, storage) is None


def test_test_images_that_an_ancestor_was_trained_on_are_counted(storage: Storage, tmp_path: Path) -> None:
    splits, models = cats_and_dogs(), Publisher(storage, tmp_path / "cache")
    dataset = import_photos(tmp_path / "own", storage, splits)
    seen = {
        "train": {"cat": [*photos(900, 3), *splits["test"]["cat"][:2]], "dog": photos(950, 4)},
        "test": {"cat": photos(980, 2)},
    }
    models.publish("mdl_starter", import_photos(tmp_path / "other", storage, seen))
    child = models.publish("mdl_child", dataset, init_from="mdl_starter")
    assert count_seen(child, ancestry_of(child, storage), storage, "mdl_child") == 2
    grandchild = models.publish("mdl_same", dataset, init_from="mdl_own")
    models.publish("mdl_own", dataset)
    assert count_seen(grandchild, ancestry_of(grandchild, storage), storage, "mdl_same") == 0


@pytest.mark.parametrize(
    ("dataset_id", "origin"),
    [("ds_copy", "cifar10"), ("ds_next", "cifar10"), ("ds_web", None), ("ds_orphan", None), ("digits", None)],
)
def test_a_copy_of_a_built_in_dataset_and_its_versions_are_known_as_such(
    store: JobStore, dataset_id: str, origin: str | None
) -> None:
    for known_id, source, parent in (
        ("ds_copy", "built-in://cifar10", None),
        ("ds_next", None, "ds_copy"),
        ("ds_web", "https://host/photos.zip", None),
        ("ds_orphan", None, "ds_deleted"),
    ):
        made = datetime(2026, 1, 1, tzinfo=UTC)
        record = registered(dataset_record(known_id), "pets", "alice", made, source=source, parent=parent)
        store.redis.set(redis_keys.DATASET + known_id, record.model_dump_json())
    assert find_origin(store.redis, dataset_id, DEFAULT_PROJECT) == origin
