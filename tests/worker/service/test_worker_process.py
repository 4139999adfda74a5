"""Real worker processes: started, asked to end, killed, and without Redis."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from model.artifact.manifest import WEIGHTS_FILE, model_key
from model.storage.opening import open_storage
from tests.conftest import running_valkey
from tests.worker.processes import is_running, wait_until
from tests.worker.samples import make_job
from tests.worker.worker_processes import (
    LEASE_S,
    restartable_valkey,
    running_worker,
    worker_environment,
)
from worker.__main__ import main
from worker.queue.live_workers import WorkerState
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.keys import RETIRED_MODELS


def _submit(store: JobStore, redis_url: str, epochs: int = 3) -> str:
    job_id = store.submit(make_job(epochs=epochs)).job_id
    wake_ups = WakeUpSender(redis_url)
    wake_ups.send()
    wake_ups.close()
    return job_id


def _has_rows(store: JobStore, job_id: str) -> bool:
    return bool(store.rows(job_id))


def _is_over(store: JobStore, job_id: str) -> bool:
    return store.get(job_id).is_finished


def _steps(store: JobStore, job_id: str) -> list[int]:
    return [int(n) for n in re.findall(r"^step (\d+)", "\n".join(store.logs(job_id)), re.MULTILINE)]


def test_a_worker_completes_a_deletion_runs_all_queued_jobs_and_ends_at_once_when_idle(
    store: JobStore, redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    storage = open_storage((tmp_path / "storage").as_uri())
    storage.put_bytes(model_key("mdl_doomed", WEIGHTS_FILE), b"weights")
    redis_client.sadd(RETIRED_MODELS, "mdl_doomed")
    with running_worker(redis_url, tmp_path) as worker:
        assert storage.list("models/") == []  # a worker that was killed had begun to delete it
        assert redis_client.exists(RETIRED_MODELS) == 0

        first = store.submit(make_job(epochs=1)).job_id
        second = _submit(store, redis_url, epochs=1)  # one wake-up for both
        wait_until(lambda: _is_over(store, first) and _is_over(store, second))
        assert store.get(first).status is store.get(second).status is Status.SUCCEEDED
        wait_until(lambda: worker.record is not None and worker.record.state is WorkerState.IDLE)

        worker.wait_until_idle()
        trainers = worker.trainers()
        asked_at = time.monotonic()
        worker.send(signal.SIGTERM)
        assert worker.exit_status() == 0
        assert time.monotonic() - asked_at < 15  # documented: 2 s; tests allow for busy machines
        assert not any(map(is_running, trainers))
        assert worker.record is None


def test_a_worker_cleans_its_cache_at_its_start_and_a_trainer_refuses_what_does_not_fit_into_it(
    store: JobStore, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = tmp_path / "cache" / "prepared" / "digits-16-squash-v2"
    unused.mkdir(parents=True)
    os.utime(unused, (1e9, 1e9))
    monkeypatch.setenv("NINEFOLD_PREPARED_BYTES", "1000")
    with running_worker(redis_url, tmp_path, ()):
        wait_until(lambda: not unused.exists())
        job_id = _submit(store, redis_url)
        wait_until(lambda: _is_over(store, job_id))
    error = store.get(job_id).error
    assert error
    assert error.code == "dataset_too_large"


@pytest.mark.chaos  # in every run tests/chaos/test_drain.py restarts workers that train, and no step is lost
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGHUP])
def test_a_busy_worker_requeues_its_job_and_another_worker_continues_it(
    store: JobStore, redis_url: str, tmp_path: Path, signal_number: signal.Signals
) -> None:
    with running_worker(redis_url, tmp_path) as first:
        job_id = _submit(store, redis_url, epochs=6)
        wait_until(lambda: _has_rows(store, job_id))
        first.send(signal_number)
        assert first.exit_status(within_s=30) == 0
    job = store.get(job_id)
    assert job.status is Status.QUEUED
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.DRAINED]
    with running_worker(redis_url, tmp_path):  # no API sends a wake-up; the worker's reaper does
        wait_until(lambda: _is_over(store, job_id))
    assert store.get(job_id).status is Status.SUCCEEDED
    assert [row.epoch for row in store.rows(job_id)] == [1, 2, 3, 4, 5, 6]
    assert _steps(store, job_id) == list(range(30))


@pytest.mark.chaos  # in every run tests/chaos/test_drain.py kills a worker, and test_lost_workers.py has its work done
def test_the_trainer_of_a_killed_worker_ends_and_another_worker_takes_the_job(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    with running_worker(redis_url, tmp_path) as first, running_worker(redis_url, tmp_path) as second:
        job_id = _submit(store, redis_url, epochs=50)
        wait_until(lambda: _has_rows(store, job_id))
        holder = first if store.get(job_id).attempts[0].worker.endswith(f"-{first.pid}") else second
        trainers = holder.trainers()
        holder.send(signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, trainers)))
        wait_until(lambda: len(store.get(job_id).attempts) == 2)
        wait_until(lambda: _is_over(store, job_id))
    job = store.get(job_id)
    assert job.status is Status.SUCCEEDED
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.WORKER_LOST, Outcome.SUCCEEDED]
    assert [row.epoch for row in store.rows(job_id)] == list(range(1, 51))


def test_a_job_survives_the_death_of_redis(tmp_path: Path) -> None:
    """Redis is away for longer than a lease: the trainer waits for a renewal, and every row is reported once."""
    with restartable_valkey() as valkey, running_worker(valkey.url, tmp_path):
        store = valkey.store()
        job_id = _submit(store, valkey.url, epochs=50)
        wait_until(lambda: _has_rows(store, job_id))
        valkey.kill()
        killed_at = time.monotonic()
        time.sleep(1.5 * LEASE_S)
        back_at = time.monotonic()
        valkey.start()
        wait_until(lambda: _is_over(store, job_id))
        job = store.get(job_id)
        reported = [event.data for event in store.events(job_id).events if event.event == "epoch"]
        log = "\n".join(store.logs(job_id))
        after = _submit(store, valkey.url, epochs=1)
        wait_until(lambda: _is_over(store, after))
        store.redis.close()
    assert job.status is Status.SUCCEEDED
    assert len(job.attempts) == 1
    assert [int(re.findall(r'"epoch":(\d+)', data)[0]) for data in reported] == list(range(1, 51))
    steps_at = [float(at) for at in re.findall(r"^step \d+ at ([\d.]+)", log, re.MULTILINE)]
    in_outage = [at - killed_at for at in steps_at if killed_at < at < back_at]
    assert in_outage, "it should continue training within its lease"
    late = [at for at in in_outage if at > LEASE_S + 0.2]
    assert len(late) <= 1, "after the end of its lease it should only complete the step that had begun"


@pytest.mark.parametrize("is_busy", [pytest.param(False, marks=pytest.mark.chaos), True])
def test_a_worker_ends_even_without_redis(tmp_path: Path, *, is_busy: bool) -> None:
    with restartable_valkey() as valkey, running_worker(valkey.url, tmp_path) as worker:
        store = valkey.store()
        if is_busy:
            job_id = _submit(store, valkey.url, epochs=1000)
            wait_until(lambda: _has_rows(store, job_id))
        valkey.kill()
        time.sleep(1)
        worker.send(signal.SIGTERM)
        worker.exit_status(within_s=90)
        valkey.start()
        if is_busy:
            assert store.get(job_id).status is Status.RUNNING  # until a reaper requeues it
        store.redis.close()


@pytest.mark.chaos  # in every run tests/chaos/test_takeover.py freezes a worker and checks that every step is done once
def test_a_frozen_worker_loses_its_job_and_computes_nothing_more(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    with running_worker(redis_url, tmp_path) as frozen:
        job_id = _submit(store, redis_url, epochs=40)
        wait_until(lambda: _has_rows(store, job_id))
        trainers = frozen.trainers()
        for pid in (frozen.pid, *trainers):
            os.kill(pid, signal.SIGSTOP)
        with running_worker(redis_url, tmp_path):
            wait_until(lambda: len(store.get(job_id).attempts) == 2)
            for pid in (*trainers, frozen.pid):
                os.kill(pid, signal.SIGCONT)
            wait_until(lambda: not any(map(is_running, trainers)))
            wait_until(lambda: _is_over(store, job_id))
    job = store.get(job_id)
    assert job.status is Status.SUCCEEDED
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.WORKER_LOST, Outcome.SUCCEEDED]
    assert [row.epoch for row in store.rows(job_id)] == list(range(1, 41))


def test_a_worker_whose_trainers_die_before_training_stops_claiming(
    store: JobStore, redis_url: str, tmp_path: Path
) -> None:
    with running_worker(redis_url, tmp_path, ("trainer_dead_at_start",)) as broken:
        doomed = [_submit(store, redis_url) for _ in range(2)]
        wait_until(lambda: all(_is_over(store, job_id) for job_id in doomed))
        error = store.get(doomed[0]).error
        assert error is not None
        assert "cannot open shared object" in error.message
        job_id = _submit(store, redis_url, epochs=1)
        wait_until(lambda: broken.record is not None and broken.record.state is WorkerState.OUT_OF_ORDER)
        time.sleep(2)
        assert store.get(job_id).status is Status.QUEUED
        with running_worker(redis_url, tmp_path):
            wait_until(lambda: _is_over(store, job_id))
            assert store.get(job_id).status is Status.SUCCEEDED


@pytest.fixture
def refused_start(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Start a worker that must refuse to start, with these settings; returns the one line that it prints."""
    for name, value in worker_environment(redis_url, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["worker"])

    def start(**environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as refusal:
            main()
        line = refusal.value.code
        assert isinstance(line, str)
        assert "\n" not in line
        return line

    return start


def test_a_start_that_is_refused_ends_with_one_line_and_a_status(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        env={**os.environ, **worker_environment("redis://127.0.0.1:1/0", tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert "Redis cannot be reached" in line


@pytest.mark.parametrize("login", ["", "?password=wrong"])
def test_a_start_with_a_wrong_password_names_the_cause(refused_start: Callable[..., str], login: str) -> None:
    with running_valkey("--requirepass", "secret") as url:
        line = refused_start(REDIS_URL=url.partition("?")[0] + login)
    assert "password" in line
    assert "secret" not in line


def test_a_start_without_writable_storage_names_the_cause(
    refused_start: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "storage").write_text("a file where the folder should be")
    assert "Storage cannot" in refused_start()


@pytest.mark.parametrize(
    ("name", "value"),
    [("NINEFOLD_LEASE_S", "soon"), ("NINEFOLD_DEVICES", "tpu"), ("NINEFOLD_STORAGE", "s3://x")],
)
def test_a_start_with_an_invalid_setting_names_it(
    refused_start: Callable[..., str], name: str, value: str
) -> None:
    line = refused_start(**{name: value})
    assert name.removeprefix("NINEFOLD_").lower() in line.lower()


def test_the_worker_imports_neither_torch_nor_what_only_its_children_need() -> None:
    code = (
        "import sys, worker.__main__, worker.kinds.training.trainer.__main__; "
        "sys.exit(bool({'torch', 'numpy', 'PIL', 'httpcore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
