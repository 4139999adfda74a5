"""Deletes a finished job from Redis, from the archive, and its checkpoints and training state from storage."""

from contextlib import suppress

from api.records.storages import Storages
from worker.errors import JobNotFoundError
from worker.queue.archive import JobArchive
from worker.queue.ids import checkpoints_prefix
from worker.queue.store import AsyncJobStore
from worker.registry.training_states import states_folder

_DELETE_TIMEOUT_S = 60.0
"""Checkpoints are large, and a bucket deletes them one by one."""


async def delete_job(store: AsyncJobStore, storages: Storages, job_id: str, project: str) -> None:
    """Delete the files first and the record last, so that an interrupted deletion can be repeated.

    Raises:
        JobNotFoundError: neither Redis nor the archive has this job.
        WrongStateError: the job has not finished.
    """
    storage = storages.of(project)
    archive = JobArchive(storage)
    try:
        if (await store.get(job_id, project)).is_finished:  # no trainer writes checkpoints any more
            await storages.run_within(_DELETE_TIMEOUT_S, storage.delete, checkpoints_prefix(job_id))
            await storages.run_within(_DELETE_TIMEOUT_S, storage.delete, states_folder(job_id))
        await store.delete(job_id, project)
    except JobNotFoundError:
        await storages.run(archive.delete, job_id)
        await storages.run_within(_DELETE_TIMEOUT_S, storage.delete, states_folder(job_id))
    else:
        with suppress(JobNotFoundError):  # the archive has this job only if archiving was under way
            await storages.run(archive.delete, job_id)
