"""Dataset imports: the reservation of names, repeated uploads, and what an import shows."""

from dataclasses import replace

import pytest

from model.data.import_options import NO_OPTIONS, ImportOptions
from tests.worker.imported import (
    claim_import,
    complete_import,
    dataset_record,
    entry_of,
    import_record,
    new_import,
)
from worker.errors import (
    DatasetNameTakenError,
    IdempotencyMismatchError,
    JobNotFoundError,
    QueueFullError,
    WrongStateError,
)
from worker.queue.attempt_messages import ClaimedImport, Report
from worker.queue.ids import new_attempt_id
from worker.queue.records import ImportProgress, JobError
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.datasets import DatasetRegistry, PendingDataset

WHY = JobError(code="dataset_rejected", message="no images")


def test_an_import_runs_from_submission_to_its_dataset(store: JobStore) -> None:
    submitted = store.submit_import(new_import("pets")).dataset_import
    assert (submitted.status, submitted.size_bytes, submitted.result) == (Status.QUEUED, 1_000, None)
    import_id, attempt_id = claim_import(store)
    progress = ImportProgress(files=3, total=4, fraction=0.75)
    store.report(import_id, attempt_id, 1, Report(phase=Phase.READING, progress=progress, log_lines=("a",)))
    running = store.get_import(import_id)
    assert (running.status, running.phase, running.progress) == (Status.RUNNING, Phase.READING, progress)
    assert store.logs(import_id) == ["a"]
    entry = entry_of(dataset_record(), "pets", "alice")
    assert store.succeed_import(import_id, attempt_id, "ds_1", entry) is Status.SUCCEEDED
    ended = store.get_import(import_id)
    assert ended.result is not None
    assert ended.result.dataset_id == "ds_1"
    assert [attempt.outcome for attempt in ended.attempts] == [Outcome.SUCCEEDED]
    kinds = [event.event for event in store.events(import_id).events]
    assert kinds == ["state", "state", "state", "log", "dataset", "state", "end"]
    assert store.ended_imports() == [import_id]
    assert store.list_jobs().jobs == []


def test_the_name_of_an_import_is_taken_by_no_other_upload(store: JobStore) -> None:
    store.submit_import(new_import("pets", "first"))
    with pytest.raises(DatasetNameTakenError):
        store.submit_import(new_import("pets", "second"))
    store.submit_import(new_import("cats", "second"))
    claim_import(store)
    with pytest.raises(DatasetNameTakenError):
        store.submit_import(new_import("pets", "second"))


def test_the_same_upload_again_gets_the_import_that_has_not_ended(store: JobStore) -> None:
    first = store.submit_import(new_import("pets", "same"))
    again = store.submit_import(new_import("pets", "same", created_by="bob"))
    assert (first.is_replay, again.is_replay) == (False, True)
    assert again.dataset_import.id == first.dataset_import.id
    assert len(store.list_imports()) == 1


def test_the_same_bytes_with_other_options_are_another_upload(store: JobStore) -> None:
    with_options = replace(new_import("pets", "same"), options=ImportOptions(label_column="breed"))
    store.submit_import(with_options, "key")
    with pytest.raises(DatasetNameTakenError):
        store.submit_import(new_import("pets", "same"))
    with pytest.raises(IdempotencyMismatchError):
        store.submit_import(replace(with_options, options=NO_OPTIONS), "key")
    assert store.submit_import(replace(with_options), "key").is_replay
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedImport)
    assert claimed.options == with_options.options


def test_an_import_with_options_is_left_to_workers_that_know_them(store: JobStore) -> None:
    plain = store.submit_import(new_import("plain")).dataset_import.id
    options = ImportOptions(min_images=2)
    chosen = store.submit_import(replace(new_import("chosen"), options=options)).dataset_import.id
    versions = [store.redis.hget(redis_keys.ITEM + item_id, "schema_version") for item_id in (plain, chosen)]
    assert versions == ["1", "2"]


def test_a_failed_import_frees_its_name(store: JobStore) -> None:
    store.submit_import(new_import("pets", "bad"))
    store.finish(*claim_import(store), Outcome.FAILED, WHY)
    again = store.submit_import(new_import("pets", "good"))
    assert not again.is_replay
    assert complete_import(store, dataset_record()) == again.dataset_import.id


@pytest.mark.parametrize("is_running", [False, True])
def test_a_cancelled_import_frees_its_name(store: JobStore, is_running: bool) -> None:
    import_id = store.submit_import(new_import("pets", "first")).dataset_import.id
    if is_running:
        held = claim_import(store)
        store.cancel_item(import_id)
        with pytest.raises(DatasetNameTakenError):  # it has not ended
            store.submit_import(new_import("pets", "second"))
        entry = entry_of(dataset_record(), "pets", None)
        with pytest.raises(WrongStateError):
            store.succeed_import(*held, "ds_1", entry)
        store.finish(*held, Outcome.CANCELLED)
    else:
        store.cancel_item(import_id)
    assert store.get_import(import_id).status is Status.CANCELLED
    second = store.submit_import(new_import("pets", "second")).dataset_import.id
    assert second != import_id
    assert DatasetRegistry(store.redis).find("pets") == PendingDataset(second)


def test_an_import_that_dies_three_times_fails_and_frees_its_name(store: JobStore) -> None:
    import_id = store.submit_import(new_import("pets", "first")).dataset_import.id
    ends = [store.requeue(*claim_import(store), Outcome.CRASHED, "SIGKILL") for _ in range(3)]
    assert ends == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    error = store.get_import(import_id).error
    assert error is not None
    assert (error.code, error.message) == (
        "crashed_repeatedly",
        "3 attempts to import the dataset died. SIGKILL",
    )
    assert not store.submit_import(new_import("pets", "second")).is_replay


def test_an_upload_under_the_name_of_a_dataset_must_turn_out_to_be_that_dataset(store: JobStore) -> None:
    first = import_record(store, dataset_record("ds_1", "pets"))
    store.submit_import(new_import("pets", "other bytes"))
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedImport)
    assert claimed.expected_id == "ds_1"
    store.cancel_item(claimed.item_id)
    assert DatasetRegistry(store.redis).get("pets") == first  # the name is not freed


def test_a_key_repeats_the_first_answer_also_after_the_import_ended(store: JobStore) -> None:
    first = store.submit_import(new_import("pets", "same"), "key")
    complete_import(store, dataset_record())
    again = store.submit_import(new_import("pets", "same"), "key")
    assert again.is_replay
    assert again.dataset_import == first.dataset_import
    for other in (new_import("pets", "other"), new_import("cats", "same")):
        with pytest.raises(IdempotencyMismatchError):
            store.submit_import(other, "key")
    assert not store.submit_import(new_import("cats", "same", created_by="bob"), "key").is_replay


def test_a_full_lane_refuses_imports(store: JobStore) -> None:
    store.submit_import(new_import("pets", "same"), queue_limit=1)
    with pytest.raises(QueueFullError):
        store.submit_import(new_import("cats"), queue_limit=1)
    assert isinstance(DatasetRegistry(store.redis).find("pets"), PendingDataset)
    assert len(store.list_imports()) == 1


def test_the_list_has_the_imports_without_a_dataset_newest_first(store: JobStore) -> None:
    ids = [store.submit_import(new_import(f"pets{number}")).dataset_import.id for number in range(4)]
    complete_import(store, dataset_record("ds_0", "pets0"))
    store.finish(*claim_import(store), Outcome.FAILED, WHY)
    assert [one.id for one in store.list_imports()] == [ids[3], ids[2], ids[1]]
    assert [one.id for one in store.list_imports(limit=2)] == [ids[3], ids[2]]
    assert [one.id for one in store.list_imports(limit=2, after=ids[2])] == [ids[1]]


def test_a_deleted_import_is_hidden_until_its_end_is_settled_and_then_gone(store: JobStore) -> None:
    import_id = store.submit_import(new_import()).dataset_import.id
    with pytest.raises(WrongStateError):
        store.delete(import_id)
    store.cancel_item(import_id)
    store.delete(import_id)
    assert list(store.list_imports()) == []
    for call in (store.get_import, store.cancel_item, store.delete, store.events):
        with pytest.raises(JobNotFoundError):
            call(import_id)
    assert store.ended_imports() == [import_id]
    store.note_settled(import_id)
    assert list(store.redis.scan_iter(f"*{import_id}*")) == []
    assert store.redis.zcard(redis_keys.IMPORTS_BY_STATUS + "cancelled") == 0


def test_an_import_of_a_dataset_that_is_known_under_another_name_adds_a_name(store: JobStore) -> None:
    first = import_record(store, dataset_record("ds_1", "pets"))
    store.submit_import(replace(new_import("animals"), created_by="bob"))
    complete_import(store, dataset_record("ds_1", "animals"))
    registry = DatasetRegistry(store.redis)
    assert (registry.get("animals").facts.id, registry.get("pets").facts) == ("ds_1", first.facts)
    assert len(registry.list_datasets().datasets) == 1
