"""Finds what answers for a job: the model that it published, or the best epoch in its newest checkpoints."""

from dataclasses import dataclass
from typing import ClassVar

from api.predict.errors import NoCheckpointError
from api.predict.schemas import PredictionModel
from api.predictor.client import Predicted
from model.spec import ResolvedSpec
from worker.queue.ids import JOB_PREFIX, checkpoint_address
from worker.queue.records import Job
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore
from worker.registry.models import RegisteredModel


@dataclass(frozen=True)
class JobCheckpoint:
    """The best epoch so far of a job that has not published a model."""

    job_id: str
    name: str
    address: str
    """The name by which the predictor knows the checkpoint."""
    spec: ResolvedSpec
    min_scores: ClassVar[dict[str, float]] = {}
    """No alias leads here: no answer abstains by itself."""


Answering = RegisteredModel | JobCheckpoint
"""What answers a request."""


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
    if key is None or not isinstance(job.spec, ResolvedSpec):
        raise NoCheckpointError(_reason(job))
    return JobCheckpoint(job_id, job.name, checkpoint_address(job_id, key), job.spec)


def predictor_address(found: Answering) -> str:
    """Return the name by which the predictor knows what answers."""
    return found.address if isinstance(found, JobCheckpoint) else found.manifest.id


def spec_of(found: Answering) -> ResolvedSpec:
    """Return the spec of the training."""
    return found.spec if isinstance(found, JobCheckpoint) else found.manifest.spec


def describe(found: Answering, predicted: Predicted) -> PredictionModel:
    """Return what the answer says about the model."""
    if isinstance(found, JobCheckpoint):
        return PredictionModel(
            id=found.job_id,
            name=found.name,
            version=None,
            alias=None,
            epoch=predicted.epoch,
            precision=predicted.precision,
        )
    return PredictionModel(
        id=found.manifest.id,
        name=found.manifest.name,
        version=found.manifest.version,
        alias=found.alias,
        min_scores=found.min_scores,
        precision=predicted.precision,
    )


def _reason(job: Job) -> str:
    if job.is_finished:
        return f"The job {job.status} without a model, and its checkpoints are deleted: post it again, or name a model."
    if job.status in {Status.QUEUED, Status.PAUSED}:
        return f"The job is {job.status} and has no checkpoint: predict once it has completed an epoch."
    return "The job has not saved an epoch yet: try again after its next checkpoint."
