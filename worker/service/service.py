"""A whole worker: checks what it needs, starts its parts, hears the bell, ends its parts."""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from model.host.cpus import cpu_quota
from model.storage.opening import open_storage
from worker.attempt.drain import DrainSignal
from worker.kinds.training.supervisor import WorkerContext
from worker.kinds.training.trainer_process import TRAINER_COMMAND, Spawner, trainer_environment
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.keys import WAKE_UPS
from worker.registry.deletion import finish_deletions
from worker.registry.model_registry import ModelRegistry
from worker.service.celery_app import make_app, make_worker
from worker.service.claim_loop import ClaimLoop, answer_bell
from worker.service.heartbeat import HeartbeatSender
from worker.settings import WorkerSettings
from worker.upkeep.archiver import JobArchiver
from worker.upkeep.reaper import Reaper

_log = logging.getLogger("worker")


class SettingsError(Exception):
    """Raised when the settings make no sense; the message says which and why."""


def run_worker(settings: WorkerSettings, trainer_command: Sequence[str] = TRAINER_COMMAND) -> int:
    """Work until told to end; the answer is the exit status.

    Raises:
        SettingsError: a setting makes no sense.
        RedisUnusableError: Redis cannot be reached, refuses us, or must not hold our records.
        StorageError: storage cannot be written.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(name)s: %(message)s")
    devices = _devices(settings.devices)
    client = connect(settings.redis_url)
    redis_report = check_server(client)
    storage = open_storage(settings.storage)
    storage.check()
    registry = ModelRegistry(client)
    registry.reindex_if_empty(storage)
    finish_deletions(registry, storage)
    for warning in redis_report.warnings:
        _log.warning("%s", warning)
    draining = DrainSignal()
    with ExitStack() as parts:  # ends them in reverse order
        store = JobStore(client)
        announcer = HeartbeatSender(LiveWorkers(client), _describe(settings))
        parts.callback(announcer.stop)
        _start_watchers(parts, store, settings)
        spawner = Spawner(trainer_environment(os.environ), trainer_command)
        parts.callback(spawner.close)
        spare = WarmStandby(spawner)
        parts.callback(spare.close)
        parts.callback(draining.begin)
        bench = WorkerContext(
            store=store,
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            spare=spare,
            draining=draining,
            devices=devices,
            threads=settings.threads or cpu_quota(),
            lease_s=settings.lease_s,
            renew_every_s=settings.renew_every_s,
            stall_timeout_s=settings.stall_timeout_s,
            tensorboard_dir=settings.tensorboard_dir,
        )
        announcer.start()
        return _hear_bell(settings.redis_url, bench, announcer)


def _hear_bell(redis_url: str, bench: WorkerContext, announcer: HeartbeatSender) -> int:
    app = make_app(redis_url)
    celery_worker = make_worker(app, announcer.worker_id)
    shift = ClaimLoop(bench, announcer, on_out_of_order=lambda: _stop_listening(celery_worker))
    answer_bell(app, shift.drain_queue)
    worker_shutting_down.connect(lambda **_: bench.draining.begin(), weak=False)
    worker_ready.connect(lambda **_: shift.become_idle(), weak=False)
    celery_worker.start()
    return int(celery_worker.exitcode or 0)


def _stop_listening(celery_worker: Any) -> None:
    """Leave the bells to other workers; the consumer belongs to Celery's own thread."""
    consumer = celery_worker.consumer
    consumer.call_soon(consumer.cancel_task_queue, WAKE_UPS)


def _start_watchers(parts: ExitStack, store: JobStore, settings: WorkerSettings) -> None:
    wake_ups = WakeUpSender(settings.redis_url)
    parts.callback(wake_ups.close)
    has_ended = threading.Event()
    parts.callback(has_ended.set)
    housekeeper = JobArchiver(store, open_storage(settings.storage), settings.archive_after_days)
    threading.Thread(target=housekeeper.run, args=(has_ended,), name="housekeeper", daemon=True).start()
    reaper = Reaper(store, settings.lease_s, wake_ups.send)
    threading.Thread(target=reaper.run, args=(has_ended,), name="reaper", daemon=True).start()


def _devices(setting: str) -> tuple[str, ...]:
    if setting == "auto":
        return ("auto",)
    names = setting.split(",")
    if set(names) == {"cpu"}:
        return tuple(names)
    if all(name.isdecimal() for name in names) and len(set(names)) == len(names):
        return tuple(f"cuda:{name}" for name in names)
    raise SettingsError(
        f"devices is {setting!r}: use auto, the numbers of CUDA devices, such as 0 or 0,1, or cpu; cpu,cpu trains jobs "
        "with gpus=2 in two processes."
    )


def _describe(settings: WorkerSettings) -> WorkerRecord:
    host = socket.gethostname()
    return WorkerRecord(
        id=f"{host}-{os.getpid()}",
        host=host,
        devices=[_shown_device(name) for name in settings.devices.split(",")],
        state=WorkerState.IDLE,
        version=_own_version(),
        started_at=datetime.now(UTC),
    )


def _shown_device(name: str) -> str:
    """What `auto` will most likely be; the trainer, which can ask torch, decides."""
    if name != "auto":
        return name
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "cuda" if any(Path("/dev").glob("nvidia[0-9]*")) and not is_hidden else "cpu"


def _own_version() -> str:
    try:
        return version("ninefold")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
