"""Reads jobs from Redis or, when they finished long ago, from the archive in storage."""

import re
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from api.records.storages import Storages
from worker.errors import JobNotFoundError
from worker.queue.archive import ArchivedJob, JobArchive
from worker.queue.records import EpochRow
from worker.queue.store import AsyncJobStore

_JOB_ID = re.compile(r"job_[0-9a-z]{26}")


def _checked_job_id(job_id: str) -> str:
    """Refuse a malformed id like an unknown one, without a query."""
    if not _JOB_ID.fullmatch(job_id):
        raise JobNotFoundError(job_id)
    return job_id


JobId = Annotated[str, Path(), AfterValidator(_checked_job_id)]


class JobReader:
    """Reads jobs wherever they are kept. Every method raises JobNotFoundError for an unknown job."""

    def __init__(self, store: AsyncJobStore, storages: Storages) -> None:
        self._store = store
        self._storages = storages

    async def json(self, job_id: str, project: str) -> str:
        """Return a job as JSON."""
        try:
            return await self._store.get_json(job_id, project)
        except JobNotFoundError:
            return (await self._read_archived(job_id, project)).job_json

    async def rows(self, job_id: str, project: str, after: int, limit: int) -> list[EpochRow]:
        """Return the metrics rows of the epochs that follow epoch `after`."""
        try:
            return await self._store.rows(job_id, after=after, limit=limit, project=project)
        except JobNotFoundError:
            rows = (await self._read_archived(job_id, project)).rows
            return [row for row in rows if row.epoch > after][:limit]

    async def log_lines(self, job_id: str, project: str, tail: int) -> list[str]:
        """Return the last `tail` lines of the trainer's log."""
        try:
            return await self._store.logs(job_id, tail=tail, project=project)
        except JobNotFoundError:
            return (await self._read_archived(job_id, project)).log_lines[-tail:]

    async def _read_archived(self, job_id: str, project: str) -> ArchivedJob:
        return await self._storages.run(JobArchive(self._storages.of(project)).read, job_id)
