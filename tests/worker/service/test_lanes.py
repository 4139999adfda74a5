"""Real worker processes that serve different lanes."""

import os
import signal
from pathlib import Path

import pytest

from tests.worker.kinds.dataset_import.uploads import submit_upload
from tests.worker.processes import is_running, wait_until
from tests.worker.samples import make_job
from tests.worker.worker_processes import running_worker
from worker.queue.kinds import Lane
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender


def _wake_up(redis_url: str, *lanes: Lane) -> None:
    wake_ups = WakeUpSender(redis_url)
    for lane in lanes:
        wake_ups.send(lane)
    wake_ups.close()


def _is_imported(store: JobStore, import_id: str) -> bool:
    return store.get_import(import_id).is_finished


def test_an_import_begins_at_once_while_a_long_training_runs(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    with (
        running_worker(redis_url, tmp_path) as trains,
        running_worker(redis_url, tmp_path, lanes="light") as imports,
    ):
        assert trains.record is not None
        assert imports.record is not None
        assert (trains.record.lanes, imports.record.lanes) == ((Lane.TRAINING,), (Lane.LIGHT,))
        job_ids = [store.submit(make_job(epochs=1000)).job_id for _ in range(2)]
        _wake_up(redis_url, Lane.TRAINING)
        wait_until(lambda: bool(store.rows(job_ids[0])))
        import_id = submit_upload(store, tmp_path)
        _wake_up(redis_url, Lane.LIGHT)
        wait_until(lambda: _is_imported(store, import_id))
        assert store.get_import(import_id).status is Status.SUCCEEDED
        assert [store.get(job_id).status for job_id in job_ids] == [Status.RUNNING, Status.QUEUED]


def test_one_worker_serves_both_lanes_imports_first_and_misses_no_import_whose_wake_up_is_lost(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    job_id = store.submit(make_job(epochs=1)).job_id
    import_id = submit_upload(store, tmp_path)
    with running_worker(redis_url, tmp_path, lanes="light,training"):
        _wake_up(redis_url, Lane.TRAINING)
        wait_until(lambda: store.get(job_id).is_finished and _is_imported(store, import_id))
        without_wake_up = submit_upload(store, tmp_path, name="lost")
        wait_until(lambda: _is_imported(store, without_wake_up))
    job, imported = store.get(job_id), store.get_import(import_id)
    assert (job.status, imported.status) == (Status.SUCCEEDED, Status.SUCCEEDED)
    assert imported.finished_at is not None
    assert job.started_at is not None
    assert imported.finished_at <= job.started_at


@pytest.mark.chaos  # in every run tests/chaos/test_lost_workers.py kills a worker that imports
@pytest.mark.timeout(120)
def test_the_import_of_a_killed_worker_is_taken_by_another_one(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    with running_worker(redis_url, tmp_path, lanes="light", importer=("failing_importer", "hang")) as first:
        _wake_up(redis_url, Lane.LIGHT)
        wait_until(lambda: "hanging" in store.logs(import_id))
        children = first.trainers()
        assert len(children) == 1
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)))  # the process ends with its worker
        with running_worker(redis_url, tmp_path, lanes="light"):
            wait_until(lambda: _is_imported(store, import_id))
    imported = store.get_import(import_id)
    assert [attempt.outcome for attempt in imported.attempts] == [Outcome.WORKER_LOST, Outcome.SUCCEEDED]


@pytest.mark.chaos  # in every run tests/chaos/test_drain.py ends a worker that imports
def test_a_worker_that_ends_returns_its_import_to_the_queue(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    with running_worker(redis_url, tmp_path, lanes="light", importer=("failing_importer", "hang")) as worker:
        _wake_up(redis_url, Lane.LIGHT)
        wait_until(lambda: "hanging" in store.logs(import_id))
        worker.send(signal.SIGTERM)
        assert worker.exit_status() == 0
    imported = store.get_import(import_id)
    assert imported.status is Status.QUEUED
    assert [attempt.outcome for attempt in imported.attempts] == [Outcome.DRAINED]
