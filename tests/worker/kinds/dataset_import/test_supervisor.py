"""One attempt at an import, with a real store and real import processes that fail in every known way."""

import json
import time
from pathlib import Path

import pytest

from model.data.duplicates.groups_file import GROUPS_FILE
from model.data.import_options import ImportOptions
from model.data.record import IMAGES_FILE, READER_VERSION, RECORD_FILE, dataset_key, read_record
from model.data.report.index_file import INDEX_FILE, THUMBNAILS_PATTERN
from model.host.failpoints import Failpoint
from model.storage.interface import Storage
from tests.model.pictures import png, two_classes
from tests.worker.imported import dataset_record, import_record
from tests.worker.kinds.dataset_import.uploads import storage_of, submit_upload
from tests.worker.processes import is_running, wait_until
from tests.worker.worker_context import BackgroundAttempt, acting_at, open_import_context, run_next
from worker.queue.ids import upload_key
from worker.queue.records import DatasetImport
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.redis_server.keys import DATASET
from worker.registry.datasets import DatasetRegistry, RegisteredDataset

FAILING = "failing_importer"
FILES = (RECORD_FILE, GROUPS_FILE, IMAGES_FILE, INDEX_FILE, THUMBNAILS_PATTERN)
"""Of a dataset, in storage."""


def _error_code(ended: DatasetImport) -> str:
    assert ended.error is not None
    return ended.error.code


def _leftovers(folder: Path) -> list[Path]:
    temporary = folder / "storage" / ".tmp"
    return list(temporary.iterdir()) if temporary.exists() else []


def _is_hanging(store: JobStore, import_id: str) -> bool:
    return "hanging" in store.logs(import_id)


def _process_id(attempt: BackgroundAttempt) -> int:
    child = vars(vars(attempt)["_supervisor"])["_child"]
    return int(vars(child)["_process"].pid)


def test_an_upload_becomes_a_dataset(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path) as context:
        ended = run_next(context)
    assert (ended.outcome, ended.has_begun) == (Outcome.SUCCEEDED, True)
    dataset_import = store.get_import(import_id)
    assert dataset_import.status is Status.SUCCEEDED
    assert dataset_import.result is not None
    assert dataset_import.progress is not None
    assert (dataset_import.progress.files, dataset_import.progress.fraction) == (20, 1.0)
    dataset_id = dataset_import.result.dataset_id
    storage = storage_of(tmp_path)
    stored = [key.rpartition("/")[2] for key in storage.list()]
    assert all(Path(name).match(pattern) for name, pattern in zip(stored, FILES, strict=True))
    record = read_record(dataset_id, storage)
    registered = DatasetRegistry(store.redis).get("pets")
    assert registered.facts == record.facts
    assert (registered.created_by, registered.images) == ("alice", 20)
    assert _leftovers(tmp_path) == []
    assert store.ended_imports() == []  # it is settled


def test_the_phases_of_an_import_are_events(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path) as context:
        run_next(context)
    events = [event.data for event in store.events(import_id).events if event.event == "state"]
    assert any(f'"phase":"{Phase.STARTING}"' in data for data in events)
    assert any(
        f'"phase":"{Phase.STORING}"' in data or f'"phase":"{Phase.READING}"' in data for data in events
    )
    assert '"status":"succeeded"' in events[-1]


def test_the_options_of_an_upload_reach_the_import(store: JobStore, tmp_path: Path) -> None:
    files = {f"{n}.png": data for n, data in enumerate(two_classes(12).values())}
    rows = [f"{n},{n},{'oak' if n % 2 else 'elm'},{n % 3 + 100}" for n in range(24)]
    files["leaves.csv"] = "\n".join(["id,age,kind,place", *rows]).encode()
    options = ImportOptions(labels="leaves.csv", path_column="id", label_column="kind")
    submit_upload(store, tmp_path, files, options=options)
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    registered = DatasetRegistry(store.redis).get("pets")
    assert registered.facts.classes == ["elm", "oak"]
    assert "column kind" in registered.warnings[0]


def test_a_zip_that_is_no_dataset_is_rejected(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path, {"notes.txt": b"no images"})
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    ended = store.get_import(import_id)
    assert (ended.status, _error_code(ended)) == (Status.FAILED, "dataset_rejected")
    assert storage_of(tmp_path).list() == []
    assert _leftovers(tmp_path) == []


def test_other_images_under_the_name_of_a_dataset_are_rejected(store: JobStore, tmp_path: Path) -> None:
    import_record(store, dataset_record("ds_1", "pets"))
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    assert _error_code(store.get_import(import_id)) == "dataset_name_taken"
    assert storage_of(tmp_path).list() == []
    assert DatasetRegistry(store.redis).get("pets").facts.id == "ds_1"


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


def test_an_import_is_cancelled_in_the_middle(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "hang")) as context:
        attempt = BackgroundAttempt(context)
        wait_until(lambda: _is_hanging(store, import_id))
        process_id = _process_id(attempt)
        store.cancel_item(import_id)
        asked_at = time.monotonic()
        assert attempt.outcome() is Outcome.CANCELLED
        assert time.monotonic() - asked_at < 5
    assert not is_running(process_id)
    assert store.get_import(import_id).status is Status.CANCELLED
    assert storage_of(tmp_path).list() == []
    assert _leftovers(tmp_path) == []
    submit_upload(store, tmp_path)  # the name is free again


def test_a_drained_import_begins_anew_and_does_not_count_as_a_death(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    for _ in range(4):
        with open_import_context(store, tmp_path, (FAILING, "hang")) as context:
            before = store.logs(import_id).count("hanging")
            attempt = BackgroundAttempt(context)
            wait_until(lambda before=before: store.logs(import_id).count("hanging") > before)  # type: ignore[misc]
            context.drain.request()
            assert attempt.outcome() is Outcome.DRAINED
        assert store.get_import(import_id).status is Status.QUEUED
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED


def test_an_import_whose_process_is_killed_three_times_fails(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "die")) as context:
        results = [run_next(context) for _ in range(3)]
    assert {result.outcome for result in results} == {Outcome.CRASHED}
    assert all(result.has_begun for result in results)  # the upload is to blame, not the worker
    ended = store.get_import(import_id)
    assert (ended.status, _error_code(ended)) == (Status.FAILED, "crashed_repeatedly")
    assert ended.error is not None
    assert "SIGKILL" in ended.error.message
    assert store.ended_imports() == [import_id]  # upkeep settles it
    assert _leftovers(tmp_path) == []


def test_an_import_that_takes_too_long_is_rejected(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "hang"), timeout_s=1.0) as context:
        assert run_next(context).outcome is Outcome.FAILED
    ended = store.get_import(import_id)
    assert _error_code(ended) == "dataset_rejected"
    assert ended.error is not None
    assert "took too long" in ended.error.message


def test_an_import_without_its_upload_is_rejected(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    storage_of(tmp_path).delete(upload_key(import_id))
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.FAILED
    ended = store.get_import(import_id)
    assert _error_code(ended) == "dataset_rejected"
    assert ended.error is not None
    assert "no longer in storage" in ended.error.message


def test_an_import_that_needs_too_much_memory_is_rejected(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "eat_memory")) as context:
        assert run_next(context).outcome is Outcome.FAILED
    ended = store.get_import(import_id)
    assert _error_code(ended) == "dataset_rejected"
    assert ended.error is not None
    assert "more memory than is allowed" in ended.error.message


@pytest.mark.parametrize(
    ("failure", "outcome", "status"),
    [
        ("send_garbage", Outcome.CRASHED, Status.QUEUED),
        ("raise_error", Outcome.FAILED, Status.FAILED),
    ],
)
def test_an_import_process_that_fails_otherwise(
    store: JobStore, tmp_path: Path, failure: str, outcome: Outcome, status: Status
) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, failure)) as context:
        assert run_next(context).outcome is outcome
    ended = store.get_import(import_id)
    assert ended.status is status
    if ended.error:
        assert "flux" not in ended.error.message  # what an unexpected error says stays in the log
        assert "flux" in "\n".join(store.logs(import_id))


def test_a_full_disk_of_the_worker_is_tried_again_and_is_no_fault_of_the_zip(
    store: JobStore, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "fill_the_disk")) as context:
        outcomes = [run_next(context).outcome for _ in range(3)]
    assert outcomes == [Outcome.CRASHED] * 3
    ended = store.get_import(import_id)
    assert _error_code(ended) == "crashed_repeatedly"
    assert ended.error
    assert "No space left" in ended.error.message


def test_no_setting_and_no_secret_reaches_the_import_process(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NINEFOLD_API_KEYS", "NINEFOLD_STORAGE", "REDIS_URL", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, "secret")
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "print_environment")) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    lines = [line for line in store.logs(import_id) if line.startswith("environment: ")]
    names = {line.removeprefix("environment: ").partition("=")[0] for line in lines}
    assert names - {"PYTHONUTF8", "PYTHONPATH", "PYTHONSAFEPATH", "LC_CTYPE"} == set()
    assert "PYTHONUTF8" in names
    assert "secret" not in "\n".join(store.logs(import_id))


def test_storage_that_fails_returns_the_import_to_the_queue(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    blocked = tmp_path / "storage" / "datasets"
    blocked.write_text("in the way")
    with open_import_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.CRASHED
        assert store.get_import(import_id).status is Status.QUEUED
        blocked.unlink()
        assert run_next(context).outcome is Outcome.SUCCEEDED


def test_an_attempt_that_lost_its_import_writes_nothing_more(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "hang")) as context:
        attempt = BackgroundAttempt(context)
        wait_until(lambda: _is_hanging(store, import_id))
        store.requeue(import_id, attempt.attempt_id, Outcome.WORKER_LOST)
        assert attempt.outcome() is Outcome.LEASE_LOST
    assert store.get_import(import_id).status is Status.QUEUED
    assert storage_of(tmp_path).list() == [upload_key(import_id)]


def test_a_cancel_after_the_reading_wins(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    # All reports are sent, and no renewal delivers the cancel: the end of the import refuses.
    with (
        open_import_context(store, tmp_path, renew_every_s=3600.0) as context,
        acting_at(Failpoint.IMPORT_STORED, lambda: store.cancel_item(import_id)),
    ):
        assert run_next(context).outcome is Outcome.CANCELLED
    assert store.get_import(import_id).status is Status.CANCELLED
    assert DatasetRegistry(store.redis).list_datasets().datasets == []


def _die() -> None:
    raise RuntimeError("the worker dies here")


def test_the_next_attempt_registers_a_dataset_that_an_earlier_one_stored(
    store: JobStore, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path, two_classes(6))
    with open_import_context(store, tmp_path) as context:
        with acting_at(Failpoint.IMPORT_STORED, _die), pytest.raises(RuntimeError):
            run_next(context)
        [lease] = store.watch().leases
        store.reap(import_id, lease.attempt_id, store.watch().leases[0].renewals)
        assert run_next(context).outcome is Outcome.SUCCEEDED
    assert [attempt.outcome for attempt in store.get_import(import_id).attempts] == [
        Outcome.WORKER_LOST,
        Outcome.SUCCEEDED,
    ]
    assert len(storage_of(tmp_path).list("datasets/")) == len(FILES)
