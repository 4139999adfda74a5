"""Imports of images that the registry knows already, from this release, an earlier one, or a later one."""

import json
from pathlib import Path

from model.data.record import READER_VERSION, RECORD_FILE, dataset_key, read_record
from model.storage.interface import Storage
from tests.model.pictures import png
from tests.worker.kinds.dataset_import.uploads import FILES, storage_of, submit_upload
from tests.worker.worker_context import open_import_context, run_next
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server.keys import DATASET
from worker.registry.datasets import DatasetRegistry, RegisteredDataset


def test_the_same_images_again_are_the_same_dataset(store: JobStore, tmp_path: Path) -> None:
    with open_import_context(store, tmp_path) as context:
        for name in ("pets", "pets", "animals"):
            submit_upload(store, tmp_path, name=name)
            assert run_next(context).outcome is Outcome.SUCCEEDED
    registry = DatasetRegistry(store.redis)
    assert registry.get("animals").facts.id == registry.get("pets").facts.id
    assert registry.get("animals").facts.name == "animals"
    assert len(storage_of(tmp_path).list()) == len(FILES)


def _as_of_the_first_release(store: JobStore, storage: Storage, dataset_id: str) -> None:
    """Make the records of a dataset what the release 2026-11 wrote, which mirrored all images."""
    later = {"mirror_symmetric", "sample_bits", "reader_version"}
    key = dataset_key(dataset_id, RECORD_FILE)
    record = json.loads(storage.read_bytes(key))
    facts = {name: value for name, value in record["facts"].items() if name not in later}
    storage.delete(key)
    storage.put_bytes(key, json.dumps(record | {"facts": facts, "warnings": []}).encode())
    registered = json.loads(str(store.redis.get(DATASET + dataset_id)))
    registered.pop("warnings", None)
    store.redis.set(DATASET + dataset_id, json.dumps(registered | {"facts": facts}, separators=(",", ":")))


def test_images_of_an_earlier_release_that_are_added_again_are_brought_up_to_date(
    store: JobStore, tmp_path: Path
) -> None:
    files = {
        f"{label}/{n}.png": png(n + 10 * (label == "left")) for label in ("left", "right") for n in range(6)
    }
    registry, storage = DatasetRegistry(store.redis), storage_of(tmp_path)

    def add(name: str) -> RegisteredDataset:
        submit_upload(store, tmp_path, files, name)
        assert run_next(context).outcome is Outcome.SUCCEEDED
        return registry.get(name)

    with open_import_context(store, tmp_path) as context:
        first = add("hands")
        dataset_id = first.facts.id
        for names in (["gloves"], ["hands"], ["gloves", "hands"]):
            _as_of_the_first_release(store, storage, dataset_id)
            assert registry.get("hands").facts.mirror_symmetric
            for name in names:
                added = add(name)
                for shown in (added, registry.get("hands"), registry.get(dataset_id)):
                    assert not shown.facts.mirror_symmetric
                    assert "does not mirror" in shown.warnings[-1]
                assert (added.facts.id, added.facts.name) == (dataset_id, name)
            assert registry.get("hands").created_at == first.created_at
            assert registry.list_datasets().datasets == [registry.get("hands")]
            assert not read_record(dataset_id, storage).facts.mirror_symmetric
            storage.delete(dataset_key(dataset_id, "dataset-v2.json"))


def test_what_a_later_release_found_in_the_same_images_stays(store: JobStore, tmp_path: Path) -> None:
    with open_import_context(store, tmp_path) as context:
        submit_upload(store, tmp_path)
        run_next(context)
        registry = DatasetRegistry(store.redis)
        key = DATASET + registry.get("pets").facts.id
        record = json.loads(str(store.redis.get(key)))
        record["facts"] |= {"reader_version": READER_VERSION + 1, "mirror_symmetric": False, "later": 1}
        later = json.dumps(record | {"later": 1})
        store.redis.set(key, later)
        for name in ("pets", "animals"):
            submit_upload(store, tmp_path, name=name)
            assert run_next(context).outcome is Outcome.SUCCEEDED
            assert not registry.get(name).facts.mirror_symmetric
    assert str(store.redis.get(key)) == later
