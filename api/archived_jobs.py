"""Finished jobs wherever they are: in the record or, when they ended long ago, in the archive; knows no HTTP."""

import asyncio

from api.services import Services
from worker.checkpoints import checkpoints_prefix
from worker.errors import JobNotFoundError
from worker.job_archive import ArchivedJob, JobArchive
from worker.jobs import EpochRow


async def job_json(services: Services, job_id: str) -> str:
    """A job's JSON.

    Raises:
        JobNotFoundError: it is nowhere; so do all here.
    """
    try:
        return await services.store.get_json(job_id)
    except JobNotFoundError:
        return (await _read(services, job_id)).job_json


async def rows(services: Services, job_id: str, after: int, limit: int) -> list[EpochRow]:
    """Metrics rows of the epochs that follow `after`."""
    try:
        return await services.store.rows(job_id, after=after, limit=limit)
    except JobNotFoundError:
        return (await _read(services, job_id)).rows[after : after + limit]


async def logs(services: Services, job_id: str, tail: int) -> list[str]:
    """The trainer's last lines."""
    try:
        return await services.store.logs(job_id, tail=tail)
    except JobNotFoundError:
        return (await _read(services, job_id)).log_lines[-tail:]


async def delete(services: Services, job_id: str) -> str:
    """Forget a finished job; the answer is the storage prefix of its checkpoints, for the caller to delete."""
    try:
        return await services.store.delete(job_id)
    except JobNotFoundError:
        await asyncio.to_thread(JobArchive(services.storage).delete, job_id)
        return checkpoints_prefix(job_id)


async def _read(services: Services, job_id: str) -> ArchivedJob:
    return await asyncio.to_thread(JobArchive(services.storage).read, job_id)
