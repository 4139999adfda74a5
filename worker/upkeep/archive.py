"""Finished jobs in storage: a job, its metrics and its last lines in one object. Knows no Redis."""

import json

from pydantic import BaseModel, ConfigDict, JsonValue

from model.storage.interface import Storage
from worker.errors import JobNotFoundError
from worker.queue.records import EpochRow


class ArchivedJob(BaseModel):
    """All that is kept of a job for good."""

    model_config = ConfigDict(frozen=True)

    job: dict[str, JsonValue]
    """As it was answered last: no later version reads other things into it."""
    rows: list[EpochRow]
    log_lines: list[str]

    @property
    def job_id(self) -> str:
        """Whose it is."""
        return str(self.job["id"])

    @property
    def job_json(self) -> str:
        """The job as it was answered."""
        return json.dumps(self.job, separators=(",", ":"))


class JobArchive:
    """The archive in one storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, archived: ArchivedJob) -> None:
        """Keep a job; the same again is fine."""
        self._storage.put_bytes(_key(archived.job_id), archived.model_dump_json().encode())

    def read(self, job_id: str) -> ArchivedJob:
        """One job.

        Raises:
            JobNotFoundError: it is not here.
        """
        if not self._storage.exists(_key(job_id)):
            raise JobNotFoundError(job_id)
        return ArchivedJob.model_validate_json(self._storage.read_bytes(_key(job_id)))

    def delete(self, job_id: str) -> None:
        """Forget a job for good.

        Raises:
            JobNotFoundError: it is not here.
        """
        if not self._storage.exists(_key(job_id)):
            raise JobNotFoundError(job_id)
        self._storage.delete(_key(job_id))


def _key(job_id: str) -> str:
    return f"archive/jobs/{job_id}.json"
