"""One attempt at a job, with a real store and real trainer processes that fail in every known way."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.artifact.manifest import FinishReason, Manifest, model_key
from model.bundle.epochs import read_epochs
from model.host.failpoints import Failpoint
from model.storage.opening import open_storage
from tests.worker.fixtures.counting_trainer import STEPS_PER_EPOCH
from tests.worker.processes import is_running, wait_until
from tests.worker.samples import draft, make_job, recipe_of_later_version
from tests.worker.worker_context import (
    BackgroundAttempt,
    acting_at,
    claim_next,
    open_worker_context,
    run_next,
)
from worker.errors import PublishCommittedError
from worker.queue.ids import new_attempt_id
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore

LONGER_THAN_A_PAUSE = 15
"""Epochs of the counting trainer: 3 s, so that a drain or a pause that is asked for after the first one comes in time."""


def _submit(store: JobStore, epochs: int = 3) -> str:
    return store.submit(make_job(epochs=epochs)).job_id


def _epochs(store: JobStore, job_id: str) -> list[int]:
    return [row.epoch for row in store.rows(job_id)]


def _objects(folder: Path) -> list[str]:
    return open_storage((folder / "storage").as_uri()).list()


def _is_training(store: JobStore, job_id: str) -> Callable[[], bool]:
    return lambda: bool(store.rows(job_id))


def test_a_job_becomes_a_model(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path) as context:
        ended = run_next(context)
    job = store.get(job_id)
    assert (ended.outcome, ended.has_begun) == (Outcome.SUCCEEDED, True)
    assert job.status is Status.SUCCEEDED
    assert job.result is not None
    assert job.result.model.version == 1
    assert _epochs(store, job_id) == [1, 2, 3]
    model_id = job.result.model.id
    assert _objects(tmp_path) == [
        model_key(model_id, "epochs.json"),
        model_key(model_id, "manifest.json"),
        model_key(model_id, "model.safetensors"),
    ]
    stored = open_storage(context.storage_url).read_bytes(model_key(model_id, "manifest.json"))
    manifest = Manifest.model_validate_json(stored)
    epochs = read_epochs(open_storage(context.storage_url), manifest)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert (manifest.id, manifest.version, manifest.created_by) == (model_id, 1, "alice")
    assert any("training from step 0" in line for line in store.logs(job_id))


def test_every_attempt_gets_the_recipe_that_the_job_was_submitted_with(
    store: JobStore, tmp_path: Path
) -> None:
    recipe = recipe_of_later_version(sharpness=1.0)
    store.submit(make_job(recipe=recipe, epochs=LONGER_THAN_A_PAUSE))
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, attempt.claimed.item_id))
        context.drain.request()
        assert attempt.outcome() is Outcome.DRAINED
    with open_worker_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    job = store.get(attempt.claimed.item_id)
    assert job.recipe == recipe
    assert job.result is not None
    key = model_key(job.result.model.id, "manifest.json")
    manifest = Manifest.model_validate_json(open_storage(context.storage_url).read_bytes(key))
    assert manifest.lineage["recipe"] == recipe.model_dump(mode="json")


@pytest.mark.parametrize(
    ("failure", "outcome", "logged"),
    [
        ("segfault", Outcome.CRASHED, "SIGSEGV"),
        ("exit_early", Outcome.CRASHED, "status 3"),
        ("send_garbage", Outcome.CRASHED, "SIGKILL"),
        ("eat_memory", Outcome.OUT_OF_MEMORY, "memory"),
        ("abort_for_memory", Outcome.OUT_OF_MEMORY, "memory"),
        ("hang", Outcome.STALLED, "sent no message"),
    ],
)
def test_a_job_returns_to_the_queue_when_its_trainer_dies(
    store: JobStore, tmp_path: Path, failure: str, outcome: Outcome, logged: str
) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path, ("failing_trainer", failure), stall_timeout_s=3) as context:
        assert run_next(context).outcome is outcome
    job = store.get(job_id)
    assert job.status is Status.QUEUED
    assert [attempt.outcome for attempt in job.attempts] == [outcome]
    assert logged in store.logs(job_id)[-1]
    assert _epochs(store, job_id) == [1]  # what the trainer reported before its death is kept


def test_a_job_whose_trainers_keep_dying_fails(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path, ("failing_trainer", "segfault")) as context:
        runs = 0
        while store.get(job_id).status is Status.QUEUED:
            run_next(context)
            runs += 1
    job = store.get(job_id)
    # The first attempt saved a checkpoint; the attempts that resume from it die at once.
    assert runs <= 4
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == "crashed_repeatedly"
    assert "SIGSEGV" in job.error.message


@pytest.mark.parametrize(
    ("failure", "code", "logged"),
    [
        ("raise_error", "internal_error", "the flux capacitor is empty"),
        ("diverge", "training_diverged", "not finite at epoch 2"),
        ("lose_storage", "storage_error", "the disk is full"),
    ],
)
def test_an_error_fails_the_job_at_once(
    store: JobStore, tmp_path: Path, failure: str, code: str, logged: str
) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path, ("failing_trainer", failure)) as context:
        assert run_next(context).outcome is Outcome.FAILED
    job = store.get(job_id)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code == code
    assert logged in "\n".join(store.logs(job_id)[-5:])
    assert _objects(tmp_path) == []  # neither a model nor a checkpoint is left


def test_a_flood_of_log_lines_is_limited_and_harms_nothing(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path, ("failing_trainer", "flood")) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    lines = store.logs(job_id)
    assert len(lines) <= 2000
    assert any("lines left out" in line for line in lines)
    assert _epochs(store, job_id) == [1, 2, 3]


def test_cancel_kills_the_whole_process_group_at_once(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1000)
    with open_worker_context(store, tmp_path, ("failing_trainer", "start_child")) as context:
        attempt = BackgroundAttempt(context)
        wait_until(lambda: any("child" in line for line in store.logs(job_id)))
        child = int(re.findall(r"child (\d+)", "\n".join(store.logs(job_id)))[0])
        store.cancel(job_id)
        asked_at = time.monotonic()
        assert attempt.outcome() is Outcome.CANCELLED
        assert time.monotonic() - asked_at < 15
    assert store.get(job_id).status is Status.CANCELLED
    assert not is_running(child)


def test_a_cancel_is_delivered_with_the_next_report(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1000)
    with open_worker_context(store, tmp_path, lease_s=7200.0, renew_every_s=3600.0) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        store.cancel(job_id)
        assert attempt.outcome() is Outcome.CANCELLED
    assert len(_epochs(store, job_id)) < 1000


def test_an_attempt_that_lost_its_job_ends_and_writes_nothing_more(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1000)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        store.requeue(job_id, attempt.attempt_id, Outcome.WORKER_LOST)
        assert attempt.outcome() is Outcome.LEASE_LOST
    before = store.rows(job_id)
    time.sleep(0.5)
    assert store.rows(job_id) == before
    assert store.get(job_id).status is Status.QUEUED


def test_a_drained_job_resumes_where_it_stopped(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=LONGER_THAN_A_PAUSE)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        context.drain.request()
        assert attempt.outcome() is Outcome.DRAINED
    assert store.get(job_id).status is Status.QUEUED
    with open_worker_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    assert _epochs(store, job_id) == list(range(1, LONGER_THAN_A_PAUSE + 1))
    started = [int(n) for n in re.findall(r"from step (\d+)", "\n".join(store.logs(job_id)))]
    steps = [int(n) for n in re.findall(r"^step (\d+)", "\n".join(store.logs(job_id)), re.MULTILINE)]
    assert started[0] == 0
    assert started[1] >= 5
    assert steps == list(range(STEPS_PER_EPOCH * LONGER_THAN_A_PAUSE))  # no step lost, none repeated


def test_a_paused_job_frees_its_worker_and_continues_when_resumed(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=LONGER_THAN_A_PAUSE)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        assert store.pause(job_id).status is Status.PAUSING
        assert attempt.outcome() is Outcome.PAUSED
        assert store.get(job_id).status is Status.PAUSED
        assert store.claim("test-host", new_attempt_id()) is None
        store.resume(job_id)
        assert run_next(context).outcome is Outcome.SUCCEEDED
    job = store.get(job_id)
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.PAUSED, Outcome.SUCCEEDED]
    assert _epochs(store, job_id) == list(range(1, LONGER_THAN_A_PAUSE + 1))
    steps = [int(n) for n in re.findall(r"^step (\d+)", "\n".join(store.logs(job_id)), re.MULTILINE)]
    assert steps == list(range(STEPS_PER_EPOCH * LONGER_THAN_A_PAUSE))  # no step lost, none repeated


def test_a_stopped_job_publishes_its_best_epoch(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1000)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        assert store.stop(job_id).status is Status.STOPPING
        assert attempt.outcome() is Outcome.SUCCEEDED
    job = store.get(job_id)
    assert (job.status, job.finish_reason) == (Status.SUCCEEDED, FinishReason.STOPPED)
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.STOPPED]
    assert job.result is not None
    stored = open_storage(context.storage_url).read_bytes(model_key(job.result.model.id, "manifest.json"))
    assert 1 <= Manifest.model_validate_json(stored).metrics.epochs < 1000


def test_a_paused_job_that_is_stopped_publishes_at_its_next_attempt(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1000)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        wait_until(_is_training(store, job_id))
        store.pause(job_id)
        attempt.outcome()
        assert store.stop(job_id).status is Status.QUEUED
        assert run_next(context).outcome is Outcome.SUCCEEDED
    job = store.get(job_id)
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.PAUSED, Outcome.STOPPED]
    assert [step.status for step in job.transitions][-2:] == [Status.STOPPING, Status.SUCCEEDED]


def test_rows_after_the_last_checkpoint_are_replaced_by_the_next_attempt(
    store: JobStore, tmp_path: Path
) -> None:
    job_id = _submit(store)
    with open_worker_context(store, tmp_path, ("failing_trainer", "segfault")) as context:
        run_next(context)
    with open_worker_context(store, tmp_path) as context:
        run_next(context)
    assert _epochs(store, job_id) == [1, 2, 3]
    assert [attempt.from_epoch for attempt in store.get(job_id).attempts] == [0, 1]


def test_obsolete_checkpoints_are_deleted_while_training(store: JobStore, tmp_path: Path) -> None:
    _submit(store, epochs=20)
    with open_worker_context(store, tmp_path) as context:
        attempt = BackgroundAttempt(context)
        most = 0
        while attempt.is_running:
            most = max(most, sum(key.startswith("checkpoints/") for key in _objects(tmp_path)))
            time.sleep(0.02)
    assert (
        1 <= most <= 10
    )  # two kept, one just written, one about to be deleted; on a busy machine more wait for it


def test_the_next_attempt_completes_a_committed_publish(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store)
    _, attempt_id, _ = claim_next(store)
    store.commit_publish(job_id, attempt_id, draft("mdl_committed"))
    store.requeue(job_id, attempt_id, Outcome.WORKER_LOST)
    with pytest.raises(PublishCommittedError):
        store.cancel(job_id)
    with open_worker_context(store, tmp_path) as context:
        assert run_next(context).outcome is Outcome.SUCCEEDED
    assert store.get(job_id).status is Status.SUCCEEDED
    assert _objects(tmp_path) == ["models/mdl_committed/manifest.json"]


def test_a_cancel_before_the_commit_point_wins(store: JobStore, tmp_path: Path) -> None:
    job_id = _submit(store, epochs=1)
    # All reports are sent, and no renewal delivers the cancel: the commit point refuses.
    with (
        open_worker_context(store, tmp_path, renew_every_s=3600.0) as context,
        acting_at(Failpoint.PUBLISH_BEGUN, lambda: store.cancel(job_id)),
    ):
        assert run_next(context).outcome is Outcome.CANCELLED
    assert store.get(job_id).status is Status.CANCELLED
    assert _objects(tmp_path) == []
