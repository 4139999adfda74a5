"""The rights of Redis's user that docs/operations.md lists suffice for a whole service, and each of them is used."""

import asyncio
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from model.storage.opening import open_storage
from tests.conftest import running_valkey
from tests.worker.imported import dataset_record, import_record
from tests.worker.processes import wait_until
from tests.worker.samples import claim, make_job, publish, row
from tests.worker.worker_processes import running_worker
from worker.queue.attempt_messages import TrainingReport
from worker.queue.calls.requests import Idempotency
from worker.queue.feed import Feed
from worker.queue.kinds import Kind
from worker.queue.live_workers import LiveWorkers
from worker.queue.records import Best, Checkpoint
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect, connect_async
from worker.redis_server.fitness import check_server
from worker.registry.datasets import DatasetRegistry
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.backup.restore import read_backup
from worker.upkeep.backup.write import write_backup
from worker.upkeep.checkpoint_cleaner import CheckpointCleaner
from worker.upkeep.errors import BackupRestoredError
from worker.upkeep.record_store import RecordStore

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def documented_rights() -> list[str]:
    """Return the words of the documented command."""
    block = re.search(r"^ACL SETUSER ninefold.*?(?=^```)", OPERATIONS.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[0].split()


def set_rights(admin: redis.Redis, *command: str) -> None:
    admin.execute_command(*command)  # type: ignore[no-untyped-call]


@dataclass
class Server:
    """A server with the documented user."""

    admin: redis.Redis
    url: str
    """Connects as the documented user."""

    def denials(self) -> list[tuple[str, str]]:
        """Return what the user was denied: reason and object."""
        log: Any = self.admin.acl_log()
        return [(entry["reason"], entry["object"]) for entry in log]

    def used_commands(self) -> set[str]:
        """Return the commands that ran since the start, those inside scripts included."""
        stats: Any = self.admin.info("commandstats")
        return {
            name.removeprefix("cmdstat_")
            for name, stat in stats.items()
            if stat["calls"] > stat["rejected_calls"]
        }


@pytest.fixture
def server() -> Iterator[Server]:
    with running_valkey() as url, connect(url) as admin:
        set_rights(admin, *documented_rights())
        own = url.replace("unix://", "unix://ninefold:password@").replace("db=0", "db=1")
        yield Server(admin, own)


def run_jobs(client: redis.Redis) -> str:
    """Do all that the API and an attempt do to jobs; returns the id of a model."""
    store = JobStore(client)
    store.submit(make_job(tags=["night"]), Idempotency("key", "hash"))
    store.submit(make_job(tags=["night"]), Idempotency("key", "hash"))
    store.replay(Kind.TRAINING, "alice", Idempotency("key", "hash"))
    job_id, attempt_id = claim(store)
    store.renew(job_id, attempt_id)
    best = Best(epoch=1, val_accuracy=0.5)
    checkpoint = Checkpoint(key=f"checkpoints/{job_id}/1/epoch-1", epoch=1, step=0)
    store.report(
        job_id,
        attempt_id,
        1,
        TrainingReport(rows=(row(1), row(2)), bests=(best,), checkpoint=checkpoint, log_lines=("a",)),
    )
    store.watch()
    store.pause(job_id)
    store.requeue(job_id, attempt_id, Outcome.PAUSED)
    store.resume(job_id)
    job_id, attempt_id = claim(store)  # drops the second row
    store.reap(job_id, attempt_id, 0)
    store.stop(job_id)
    store.events(job_id, "0-1")
    store.rows(job_id)
    store.logs(job_id)
    store.submit(make_job(gpus=2))
    for job in store.list_jobs().jobs:
        store.cancel(job.id)
        store.delete(job.id)
    model_id = publish(store)
    store.finished_before("2000")
    return model_id


def use_registries(client: redis.Redis, model_id: str) -> None:
    """Do all that the API does to models and datasets."""
    models, datasets = ModelRegistry(client), DatasetRegistry(client)
    models.resolve("digits")
    models.resolve(model_id)
    models.list_models()
    models.set_alias("digits", "canary", 1, "alice")
    models.alias_history("digits", "canary")
    models.list_aliases("digits")
    models.production_names()
    models.delete_alias("digits", "canary", "alice")
    import_record(JobStore(client), dataset_record())
    datasets.get("pets")
    datasets.list_datasets()


async def read_feed(url: str) -> None:
    """Do what the event hub does."""
    client = connect_async(url)
    try:
        feed = Feed(client)
        await feed.read(await feed.last_id(), block_ms=10)
        await feed.has_gap_after("1-1")
    finally:
        await client.aclose()


def train_in_a_worker(client: redis.Redis, url: str, folder: Path) -> None:
    """Have a worker process train a job."""
    store = JobStore(client)
    with running_worker(url, folder) as worker:
        job_id = store.submit(make_job(epochs=1)).job_id
        wake_ups = WakeUpSender(url)
        wake_ups.send()
        wake_ups.close()
        wait_until(lambda: store.get(job_id).is_finished)
        LiveWorkers(client).remove(worker.record.id if worker.record else "")


def move_to_itself(server: Server, client: redis.Redis, folder: Path) -> None:
    """Back up the service, empty it, and restore the backup."""
    storage = open_storage((folder / "storage").as_uri())
    backup = io.BytesIO()
    write_backup(client, storage, backup)
    server.admin.flushall()
    read_backup(RecordStore(client), storage, io.BytesIO(backup.getvalue()))
    with pytest.raises(BackupRestoredError):
        read_backup(RecordStore(client), storage, io.BytesIO(backup.getvalue()))


def delete_everything(client: redis.Redis, model_id: str, folder: Path) -> None:
    models = ModelRegistry(client)
    models.delete_alias("digits", "production", "alice")
    models.begin_deletion(model_id)
    models.unfinished_deletions()
    models.end_deletion(model_id)
    storage = open_storage((folder / "storage").as_uri())
    CheckpointCleaner(JobStore(client), lambda _: storage).clean()


def test_the_documented_rights_are_enough_and_all_of_them_are_used(server: Server, tmp_path: Path) -> None:
    with connect(server.url) as client:
        check_server(client)
        model_id = run_jobs(client)
        use_registries(client, model_id)
        asyncio.run(read_feed(server.url))
        train_in_a_worker(client, server.url, tmp_path)
        move_to_itself(server, client, tmp_path)
        delete_everything(client, model_id, tmp_path)
    assert server.denials() == []
    allowed = {word.removeprefix("+") for word in documented_rights() if word.startswith("+")}
    assert allowed - server.used_commands() == set()


def test_without_config_a_worker_trains_all_the_same(server: Server, tmp_path: Path) -> None:
    set_rights(server.admin, "ACL", "SETUSER", "ninefold", "-config|get")
    with connect(server.url) as client:
        train_in_a_worker(client, server.url, tmp_path)
    assert {what for _, what in server.denials()} == {"config|get"}
