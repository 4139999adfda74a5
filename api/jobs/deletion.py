"""Deletes a finished job from Redis, from the archive, and its checkpoints from storage."""

import asyncio
from contextlib import suppress

from model.storage.interface import Storage
from worker.errors import JobNotFoundError
from worker.queue.ids import checkpoints_prefix
from worker.queue.store import AsyncJobStore
from worker.upkeep.archive import JobArchive


async def delete_job(store: AsyncJobStore, storage: Storage, job_id: str, project: str) -> None:
    """Delete the files first and the record last, so that an interrupted deletion can be repeated.

    Raises:
        JobNotFoundError: neither Redis nor the archive has this job.
        WrongStateError: the job has not finished.
    """
    archive = JobArchive(storage)
    try:
        if (await store.get(job_id, project)).is_finished:  # no trainer writes checkpoints any more
            await asyncio.to_thread(storage.delete, checkpoints_prefix(job_id))
        await store.delete(job_id, project)
    except JobNotFoundError:
        await asyncio.to_thread(archive.delete, job_id)
    else:
        with suppress(JobNotFoundError):  # the archive has this job only if archiving was under way
            await asyncio.to_thread(archive.delete, job_id)
