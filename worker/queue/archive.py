"""The archive of finished jobs in storage: one object holds a job, its metrics and its last log lines. Knows no Redis."""

import json

from pydantic import BaseModel, ConfigDict, JsonValue

from model.storage.interface import Storage
from worker.errors import JobNotFoundError
from worker.queue.records import EpochRow


class ArchivedJob(BaseModel):
    """What the archive keeps of a job."""

    model_config = ConfigDict(frozen=True)

    job: dict[str, JsonValue]
    """The job as the API last returned it, stored as plain JSON so that later versions return the same."""
    rows: list[EpochRow]
    log_lines: list[str]

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return str(self.job["id"])

    @property
    def job_json(self) -> str:
        """The job as JSON text."""
        return json.dumps(self.job, separators=(",", ":"))


class JobArchive:
    """The archived jobs in one storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put(self, archived: ArchivedJob) -> None:
        """Store a job; storing the same content again is allowed."""
        self._storage.put_bytes(_key(archived.job_id), archived.model_dump_json().encode())

    def read(self, job_id: str) -> ArchivedJob:
        """Read one job.

        Raises:
            JobNotFoundError: the archive has no such job.
        """
        self._check_exists(job_id)
        return ArchivedJob.model_validate_json(self._storage.read_bytes(_key(job_id)))

    def delete(self, job_id: str) -> None:
        """Delete a job.

        Raises:
            JobNotFoundError: the archive has no such job.
        """
        self._check_exists(job_id)
        self._storage.delete(_key(job_id))

    def has(self, job_id: str) -> bool:
        """Return whether the archive has this job."""
        return self._storage.exists(_key(job_id))

    def _check_exists(self, job_id: str) -> None:
        if not self.has(job_id):
            raise JobNotFoundError(job_id)


def _key(job_id: str) -> str:
    return f"archive/jobs/{job_id}.json"
