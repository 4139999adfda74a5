"""Finds what answers for a job: the model that it published, or the best epoch in its newest checkpoints."""

from dataclasses import dataclass

from api.predict.errors import NoCheckpointError
from worker.queue.ids import JOB_PREFIX, checkpoint_address
from worker.queue.records import Job
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore


@dataclass(frozen=True)
class JobCheckpoint:
    """The best epoch so far of a job that has not published a model."""

    job_id: str
    name: str
    address: str
    """The name by which the predictor knows the checkpoint."""
    mirrors_images: bool
    """Whether the training mirrors images, so that a mirror image keeps its class."""


def is_job(ref: str | None) -> bool:
    """Whether a reference names a job."""
    return ref is not None and ref.startswith(JOB_PREFIX)


async def find_job_model(store: AsyncJobStore, job_id: str, project: str) -> str | JobCheckpoint:
    """Return the id of the model that a job published, or its best checkpoint.

    Raises:
        worker.errors.JobNotFoundError: there is no such job in this project.
        NoCheckpointError: the job has no checkpoint with a validated epoch, or none any more.
    """
    job = await store.get(job_id, project)
    if job.result:
        return job.result.model.id
    key = None if job.is_finished else await store.best_checkpoint(job_id)
    if key is None:
        raise NoCheckpointError(_reason(job))
    return JobCheckpoint(job_id, job.name, checkpoint_address(job_id, key), bool(job.spec.horizontal_flip))


def _reason(job: Job) -> str:
    if job.is_finished:
        return f"The job {job.status} without a model, and its checkpoints are deleted: post it again, or name a model."
    if job.status in {Status.QUEUED, Status.PAUSED}:
        return f"The job is {job.status} and has no checkpoint: predict once it has completed an epoch."
    return "The job has not saved an epoch yet: try again after its next checkpoint."
