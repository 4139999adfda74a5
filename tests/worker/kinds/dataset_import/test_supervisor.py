"""One attempt at an import, with a real store and real import processes that fail in every known way."""

import time
from pathlib import Path

import pytest

from model.data.import_options import ImportOptions
from model.data.record import read_record
from model.host.failpoints import Failpoint
from tests.model.pictures import two_classes
from tests.worker.imported import dataset_record, import_record
from tests.worker.kinds.dataset_import.uploads import FILES, storage_of, submit_upload
from tests.worker.processes import is_running, wait_until
from tests.worker.worker_context import BackgroundAttempt, acting_at, open_import_context, run_next
from worker.queue.ids import upload_key
from worker.queue.records import DatasetImport
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry

FAILING = "failing_importer"


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


def test_an_import_is_cancelled_in_the_middle(store: JobStore, tmp_path: Path) -> None:
    import_id = submit_upload(store, tmp_path)
    with open_import_context(store, tmp_path, (FAILING, "hang")) as context:
        attempt = BackgroundAttempt(context)
        wait_until(lambda: _is_hanging(store, import_id))
        process_id = _process_id(attempt)
        store.cancel_item(import_id)
        asked_at = time.monotonic()
        assert attempt.outcome() is Outcome.CANCELLED
        assert time.monotonic() - asked_at < 15
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
