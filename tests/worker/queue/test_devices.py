"""A job on two devices, here two processes on the CPU."""

import os
import signal
from pathlib import Path

import pytest

from model.artifact.manifest import WEIGHTS_FILE, model_key
from model.recipes.defaults import resolve
from model.spec import JobSpec
from model.storage.opening import open_storage
from tests.model.commands.test_tensorboard import curve
from tests.model.tiny_training import import_colours
from tests.narrow_processes import NARROW
from tests.worker.processes import children_of, is_running, wait_until
from tests.worker.worker_processes import running_worker
from worker.queue.calls.trainings import NewJob
from worker.queue.states import Outcome, QueuedReason, Status
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender

EPOCHS = 20
"""They take longer than the test needs to learn of the first one."""


@pytest.mark.timeout(600)  # torch starts three times, and two groups of processes start
def test_a_job_for_two_devices_waits_for_them_and_survives_the_death_of_one_process(
    store: JobStore, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NINEFOLD_TENSORBOARD_DIR", str(tmp_path / "curves"))
    monkeypatch.setenv("PYTHONPATH", NARROW["PYTHONPATH"])
    storage = open_storage((tmp_path / "storage").as_uri())
    facts = import_colours(tmp_path / "images", storage)
    given = {
        "dataset": facts.id,
        "epochs": EPOCHS,
        "batch_size": 24,
        "image_size": 16,
        "gpus": 2,
        "recipe": "classic",
    }
    spec, _ = resolve(JobSpec.model_validate(given), facts, "cpu")
    with running_worker(redis_url, tmp_path):
        job_id = store.submit(NewJob(spec)).job_id
        assert store.get(job_id).queued_reason == QueuedReason.NO_MATCHING_WORKER

    with running_worker(redis_url, tmp_path, (), devices="cpu,cpu") as worker:
        assert worker.record is not None
        assert worker.record.devices == ["cpu", "cpu"]
        wake_ups = WakeUpSender(redis_url)
        wake_ups.send()
        wake_ups.close()
        wait_until(lambda: bool(store.rows(job_id)), 240)
        ranks = [rank for trainer in worker.trainers() for rank in children_of(trainer, "spawn_main")]
        assert len(ranks) == 1  # the trainer is the other one
        os.kill(ranks[0], signal.SIGKILL)
        wait_until(lambda: store.get(job_id).is_finished, 240)
        wait_until(lambda: not any(map(is_running, ranks)))

    job = store.get(job_id)
    assert job.status is Status.SUCCEEDED, job.error
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.CRASHED, Outcome.SUCCEEDED]
    assert [row.epoch for row in store.rows(job_id)] == list(range(1, EPOCHS + 1))
    assert job.result is not None
    points, rows = curve(tmp_path / "curves" / job_id, "loss/train"), store.rows(job_id)
    assert [epoch for epoch, _ in points] == [row.epoch for row in rows]
    assert [loss for _, loss in points] == pytest.approx([row.train_loss for row in rows])
    assert storage.exists(model_key(job.result.model.id, WEIGHTS_FILE))
