"""`python -m worker`: checks what it needs, then hears the bell until it is told to end."""

import argparse
import logging
import os
import socket
import sys
import threading
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from pydantic import ValidationError

from model.cpus import cpu_quota
from model.errors import StorageError
from model.storage import open_storage
from worker.announcer import Announcer
from worker.bell import Bell
from worker.celery_app import make_app, make_worker
from worker.draining import Draining
from worker.errors import RedisUnusableError
from worker.job_store import JobStore
from worker.presence import Presence, WorkerRecord, WorkerState
from worker.reaper import Reaper
from worker.redis_connection import check_server, connect
from worker.redis_keys import BELL
from worker.settings import WorkerSettings
from worker.spare import Spare
from worker.supervisor import Bench
from worker.task import Shift, answer_bell
from worker.trainer_process import Spawner, trainer_environment

_log = logging.getLogger("worker")


class StartError(Exception):
    """Raised when the settings make no sense; the message says which and why."""


def main() -> None:
    """Run a worker; anything that keeps it from starting is one line and a non-zero exit."""
    try:
        settings = _read_settings()
        sys.exit(_run(settings))
    except (StartError, RedisUnusableError, StorageError) as error:
        sys.exit(f"worker: {error}")


def _read_settings() -> WorkerSettings:
    parser = argparse.ArgumentParser(prog="worker", description="Train jobs, one at a time.")
    parser.add_argument("--devices", help="auto, cpu, or the number of a CUDA device")
    parser.add_argument("--threads", type=int, help="of a trainer; 0: as many as the CPU quota allows")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    try:
        return WorkerSettings(**given)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(map(str, wrong["loc"]))
        raise StartError(f"The setting {name} is wrong: {wrong['msg']}.") from error


def _device(devices: str) -> str:
    if devices in ("auto", "cpu"):
        return devices
    if devices.isdigit():
        return f"cuda:{devices}"
    raise StartError(f"devices is {devices!r}: use auto, cpu or the number of one CUDA device, such as 0.")


def _run(settings: WorkerSettings) -> int:
    """Check, start every part, hear the bell, end every part; the exit status."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(name)s: %(message)s")
    client = connect(settings.redis_url)
    for warning in check_server(client).warnings:
        _log.warning("%s", warning)
    open_storage(settings.storage).check()
    device = _device(settings.devices)

    draining = Draining()
    spawner = Spawner(trainer_environment(os.environ))
    spare = Spare(spawner)
    bell = Bell(settings.redis_url)
    store = JobStore(client)
    announcer = Announcer(Presence(client), _describe(settings))
    bench = Bench(
        store=store,
        storage_url=settings.storage,
        cache_dir=settings.cache_dir,
        spare=spare,
        draining=draining,
        device=device,
        threads=settings.threads or cpu_quota(),
        lease_s=settings.lease_s,
        renew_every_s=settings.renew_every_s,
    )
    app = make_app(settings.redis_url)
    celery_worker = make_worker(app, announcer.worker_id)
    shift = Shift(bench, announcer, on_out_of_order=lambda: _stop_listening(celery_worker))
    answer_bell(app, shift.drain_queue)
    has_ended = threading.Event()
    reaper = Reaper(store, settings.lease_s, bell.ring)

    worker_shutting_down.connect(lambda **_: draining.begin(), weak=False)
    worker_ready.connect(lambda **_: shift.become_idle(), weak=False)
    threading.Thread(target=reaper.run, args=(has_ended,), name="reaper", daemon=True).start()
    announcer.start()
    try:
        celery_worker.start()
    finally:
        draining.begin()
        has_ended.set()
        spare.close()
        spawner.close()
        bell.close()
        announcer.stop()
    return int(celery_worker.exitcode or 0)


def _describe(settings: WorkerSettings) -> WorkerRecord:
    host = socket.gethostname()
    return WorkerRecord(
        id=f"{host}-{os.getpid()}",
        host=host,
        devices=settings.devices.split(","),
        state=WorkerState.IDLE,
        version=_own_version(),
        started_at=datetime.now(UTC),
    )


def _own_version() -> str:
    try:
        return version("ninefold")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def _stop_listening(celery_worker: Any) -> None:
    """Leave the bells to other workers; the consumer belongs to Celery's own thread."""
    consumer = celery_worker.consumer
    consumer.call_soon(consumer.cancel_task_queue, BELL)


if __name__ == "__main__":
    main()
