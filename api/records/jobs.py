"""Finished jobs wherever they are: in the record or, when they ended long ago, in the archive; knows no HTTP."""

import asyncio
from contextlib import suppress

from api.services import Services
from worker.errors import JobNotFoundError
from worker.queue.records import EpochRow
from worker.queue.storage_keys import checkpoints_prefix
from worker.upkeep.archive import ArchivedJob, JobArchive


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


async def forget(services: Services, job_id: str) -> None:
    """Delete a finished job: its files first, so that a call that was cut short can be made again."""
    archive = JobArchive(services.storage)
    try:
        if (await services.store.get(job_id)).is_finished:  # nobody writes there any more
            await asyncio.to_thread(services.storage.delete, checkpoints_prefix(job_id))
        await services.store.delete(job_id)
    except JobNotFoundError:
        await asyncio.to_thread(archive.delete, job_id)
    else:
        with suppress(JobNotFoundError):  # there too only when it was on its way there
            await asyncio.to_thread(archive.delete, job_id)


async def _read(services: Services, job_id: str) -> ArchivedJob:
    return await asyncio.to_thread(JobArchive(services.storage).read, job_id)
