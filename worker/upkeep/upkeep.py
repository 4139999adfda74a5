"""Runs the upkeep in a process while the process is elected: a list of named tasks with periods."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.errors import StoreUnavailableError
from worker.kinds.dataset_import.settlement import ImportSettlement
from worker.queue.kinds import Lane
from worker.queue.store import JobStore
from worker.redis_server.projects import DEFAULT_PROJECT, known_projects, storage_url
from worker.registry.review_retention import clean_reviews
from worker.registry.training_states import delete_old_states
from worker.settings import ServiceSettings
from worker.upkeep.archiver import ARCHIVE_EVERY_S, JobArchiver
from worker.upkeep.checkpoint_cleaner import CLEAN_EVERY_S, CheckpointCleaner
from worker.upkeep.election import Election
from worker.upkeep.packer import PACK_EVERY_S, HistoryPacker
from worker.upkeep.reaper import Reaper
from worker.upkeep.roles import Role, RoleStore

ELECTED_EVERY_S = 1.0
"""How often an elected process renews its role and runs the quick tasks."""
CANDIDATE_EVERY_S = 2.0
"""How often any other process reads who is elected."""

REVIEWS_EVERY_S = 60.0
"""How often the images of reviews that were used or are too old are deleted."""
STATES_EVERY_S = 60.0
"""How often the training states that are too old or too many are deleted."""
SETTLE_EVERY_S = 5.0
"""How often the ended imports are settled that their own worker did not settle."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpkeepTask:
    """Something that the leader does again and again. It must be harmless in several processes at once."""

    name: str
    run: Callable[[], object]
    every_s: float = ELECTED_EVERY_S
    is_quick: bool = True
    """Whether the task only talks to Redis and never takes a second; other tasks have a thread of their own."""
    is_for_deputy: bool = False
    """Whether the deputy does it too; only quick tasks."""


def upkeep_tasks(
    store: JobStore, storage: Storage, settings: ServiceSettings, send_wake_up: Callable[[Lane], None]
) -> list[UpkeepTask]:
    """Return everything that the upkeep of a service consists of."""

    def storage_of(project: str) -> Storage:
        is_root = project == DEFAULT_PROJECT
        return storage if is_root else open_storage(storage_url(settings.storage, project))

    reaper = Reaper(store, settings.lease_s, send_wake_up)
    cleaner = CheckpointCleaner(store, storage_of)
    settlement = ImportSettlement(store, settings.storage)
    archiver = JobArchiver(store, storage_of, settings.archive_after_days)
    packer = HistoryPacker(store, settings.pack_after_days)

    def delete_states() -> None:
        for project in store.run(known_projects()):
            delete_old_states(storage_of(project), settings.keep_states, settings.keep_states_days)

    def clean_all_reviews() -> None:
        for project in store.run(known_projects()):
            clean_reviews(store, storage_of(project), settings.review_max_bytes, project)

    return [
        UpkeepTask("reap", reaper.check, is_for_deputy=True),
        UpkeepTask("settle imports", settlement.settle_all, SETTLE_EVERY_S, is_quick=False),
        UpkeepTask("clean checkpoints", cleaner.clean, CLEAN_EVERY_S, is_quick=False),
        UpkeepTask("pack histories", packer.pack_all, PACK_EVERY_S, is_quick=False),
        UpkeepTask("delete old training states", delete_states, STATES_EVERY_S, is_quick=False),
        UpkeepTask("clean reviews", clean_all_reviews, REVIEWS_EVERY_S, is_quick=False),
        UpkeepTask("archive jobs", archiver.archive_old_jobs, ARCHIVE_EVERY_S, is_quick=False),
        UpkeepTask("delete old imports", archiver.delete_old_imports, ARCHIVE_EVERY_S, is_quick=False),
    ]


class Upkeep:
    """The threads that stand for election and, while elected, run the tasks of their role."""

    def __init__(self, election: Election, tasks: Sequence[UpkeepTask]) -> None:
        self._election = election
        self._quick = [task for task in tasks if task.is_quick]
        self._is_stopped = threading.Event()
        self._due_at = dict.fromkeys((task.name for task in self._quick), 0.0)
        slow = [task for task in tasks if not task.is_quick]
        self._elector = threading.Thread(target=self._stand_and_run, name="upkeep", daemon=True)
        self._threads = [
            self._elector,
            *(
                threading.Thread(target=self._repeat, args=(task,), name=task.name, daemon=True)
                for task in slow
            ),
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads and hand the role over; waits a second at most."""
        self._is_stopped.set()
        self._elector.join(1.0)

    def _stand_and_run(self) -> None:
        role = self._election.stand()
        while not self._is_stopped.wait(ELECTED_EVERY_S if role else CANDIDATE_EVERY_S):
            role = self._election.stand()
            for task in self._quick:
                if role is Role.LEADER or (role is Role.DEPUTY and task.is_for_deputy):
                    self._run_if_due(task)
        self._election.leave()

    def _run_if_due(self, task: UpkeepTask) -> None:
        now = time.monotonic()
        if now >= self._due_at[task.name]:
            self._due_at[task.name] = now + task.every_s - ELECTED_EVERY_S / 2
            _run(task)

    def _repeat(self, task: UpkeepTask) -> None:
        while not self._is_stopped.wait(task.every_s):
            if self._election.is_leader:
                _run(task)


def _run(task: UpkeepTask) -> None:
    try:
        task.run()
    except (StorageError, StoreUnavailableError) as error:
        _log.warning("could not %s, trying again in %.0f s: %s", task.name, task.every_s, error)
    except Exception:  # noqa: BLE001  # the other tasks continue, and this one is tried again
        _log.exception("could not %s, trying again in %.0f s", task.name, task.every_s)


def start_upkeep(
    store: JobStore, storage: Storage, settings: ServiceSettings, send_wake_up: Callable[[Lane], None]
) -> Upkeep:
    """Start the upkeep of this process."""
    tasks = upkeep_tasks(store, storage, settings, send_wake_up)
    upkeep = Upkeep(Election(RoleStore(store.redis)), tasks)
    upkeep.start()
    return upkeep
