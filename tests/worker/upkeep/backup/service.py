"""A service whose records and objects are backed up and restored."""

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import redis

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.storage.interface import Storage
from tests.worker.samples import claim, make_job, row
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import Checkpoint
from worker.queue.store import JobStore
from worker.upkeep.backup.restore import read_backup
from worker.upkeep.backup.write import write_backup
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.record_store import RecordStore
from worker.upkeep.records import Record


@dataclass
class Service:
    """The Redis and the storage of a service."""

    client: redis.Redis
    storage: Storage

    @property
    def store(self) -> JobStore:
        return JobStore(self.client)

    def back_up(self) -> bytes:
        out = io.BytesIO()
        write_backup(self.client, self.storage, out)
        return out.getvalue()

    def restore(self, backup: bytes) -> list[str]:
        return read_backup(RecordStore(self.client), self.storage, io.BytesIO(backup))[1]

    def dump(self) -> dict[str, Record | None]:
        """Return all records by key, indexes included."""
        reader = RecordReader(self.client)
        return {key: reader.read(key) for page in reader.key_pages() for key in page}


def put_model(service: Service, model_id: str) -> None:
    service.storage.put_bytes(model_key(model_id, WEIGHTS_FILE), b"weights")
    service.storage.put_bytes(model_key(model_id, MANIFEST_FILE), b"{}")


def run_with_checkpoint(service: Service) -> str:
    """Create a running job with a checkpoint."""
    service.store.submit(make_job())
    job_id, attempt_id = claim(service.store)
    checkpoint = Checkpoint(key=f"checkpoints/{job_id}/1/epoch-1", epoch=1, step=0)
    service.storage.put_bytes(checkpoint.key, b"state")
    changes = TrainingReport(rows=(row(1),), checkpoint=checkpoint, log_lines=("hello",))
    service.store.report(job_id, attempt_id, 1, changes)
    return job_id


def run_module(module: str, file: Path, url: str, storage: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "REDIS_URL": url, "NINEFOLD_STORAGE": storage.as_uri()}
    command = [sys.executable, "-m", f"worker.upkeep.backup.{module}", str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
