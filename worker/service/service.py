"""The worker service: checks its requirements, starts its threads, consumes wake-ups, and stops its threads."""

import logging
from contextlib import ExitStack

import redis
from celery.signals import worker_ready, worker_shutting_down

from model.storage.opening import open_storage
from worker.attempt.context import WorkerContext
from worker.attempt.drain import DrainSignal
from worker.queue.kinds import Lane
from worker.queue.live_workers import LiveWorkers
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import known_projects, storage_url
from worker.registry.datasets import DatasetRegistry
from worker.registry.deletion import finish_dataset_deletions, finish_deletions
from worker.registry.model_registry import ModelRegistry
from worker.service.abilities import DEFAULT_COMMANDS, Abilities, ChildCommands, make_abilities
from worker.service.celery_app import make_app, make_worker, register_wake_up_task, stop_consuming
from worker.service.claim_loop import ClaimLoop
from worker.service.description import describe_worker
from worker.service.heartbeat import HeartbeatSender
from worker.settings import WorkerSettings
from worker.upkeep.upkeep import start_upkeep

_log = logging.getLogger("worker")


class SettingsError(Exception):
    """Raised when a setting is invalid; the message names the setting and the allowed values."""


def run_worker(settings: WorkerSettings, commands: ChildCommands = DEFAULT_COMMANDS) -> int:
    """Work until a signal asks the worker to end; returns the exit status.

    Raises:
        SettingsError: a setting is invalid.
        RedisUnusableError: Redis cannot be reached, refuses the password, or is not configured to keep records.
        StorageError: storage cannot be written.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(name)s: %(message)s")
    lanes = parse_lanes(settings.lanes)
    devices = parse_devices(settings.devices)
    client = connect(settings.redis_url)
    _check_and_repair(client, settings)
    store = JobStore(client)
    with ExitStack() as cleanups:  # run in reverse order
        heartbeat = HeartbeatSender(LiveWorkers(client), describe_worker(settings, lanes))
        cleanups.callback(heartbeat.stop)
        _start_upkeep(cleanups, store, settings)
        shared = WorkerContext(
            store=store,
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=settings.renew_every_s,
        )
        abilities = make_abilities(cleanups, shared, settings, commands, lanes=lanes, devices=devices)
        cleanups.callback(shared.drain.request)
        heartbeat.start()
        return _consume_wake_ups(settings.redis_url, shared, abilities, heartbeat)


def _check_and_repair(client: redis.Redis, settings: WorkerSettings) -> None:
    """Check Redis and storage; remove what killed processes left; rebuild a missing registry; complete deletions."""
    report = check_server(client)
    open_storage(settings.storage).check()
    registry = ModelRegistry(client)
    for project in registry.run(known_projects()):
        storage = open_storage(storage_url(settings.storage, project))
        storage.remove_unfinished()
        registry.reindex_if_empty(storage, project)
        finish_deletions(registry, storage, project)
        finish_dataset_deletions(DatasetRegistry(client), storage, project)
    for warning in report.warnings:
        _log.warning("%s", warning)


def _start_upkeep(cleanups: ExitStack, store: JobStore, settings: WorkerSettings) -> None:
    wake_ups = WakeUpSender(settings.redis_url)
    cleanups.callback(wake_ups.close)
    upkeep = start_upkeep(store, open_storage(settings.storage), settings, wake_ups.send)
    cleanups.callback(upkeep.stop)


def _consume_wake_ups(
    redis_url: str, context: WorkerContext, abilities: Abilities, heartbeat: HeartbeatSender
) -> int:
    """Run Celery's worker until it shuts down; returns its exit status."""
    app = make_app(redis_url)
    celery_worker = make_worker(app, heartbeat.worker_id, abilities.lanes)
    claim_loop = ClaimLoop(
        context,
        abilities,
        heartbeat,
        on_out_of_order=lambda: stop_consuming(celery_worker, abilities.lanes),
    )
    register_wake_up_task(app, claim_loop.drain_queue)
    worker_shutting_down.connect(lambda **_: context.drain.request(), weak=False)
    worker_ready.connect(lambda **_: claim_loop.become_idle(), weak=False)
    celery_worker.start()
    return int(celery_worker.exitcode or 0)


def parse_lanes(setting: str) -> tuple[Lane, ...]:
    """Parse the lanes that a worker serves.

    Raises:
        SettingsError: a lane is unknown, or none is given.
    """
    names = [name.strip() for name in setting.split(",")]
    if not set(names) <= set(Lane) or len(set(names)) != len(names):
        raise SettingsError(
            f"lanes is {setting!r}: use training (jobs), light (imports of datasets), or light,training."
        )
    return tuple(Lane(name) for name in names)


def parse_devices(setting: str) -> tuple[str, ...]:
    """Parse the devices of a worker.

    Raises:
        SettingsError: the setting is neither `auto`, nor CUDA device numbers, nor `cpu`.
    """
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
