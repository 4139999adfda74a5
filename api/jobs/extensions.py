"""Makes a job that trains a succeeded job longer, from the last state of its training. Knows no HTTP."""

from api.http.callers import Principal
from api.http.errors import InvalidRequestError, invalid_fields
from api.jobs.errors import NotExtendableError, OtherDatasetError
from api.jobs.reruns import require_dataset, with_own_fields
from api.jobs.schemas import Extension
from api.jobs.training_states import TrainingStates
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.jobs import JobReader
from model.spec import MAX_EPOCHS, ExtendedFrom, ResolvedSpec
from worker.errors import DatasetNotFoundError
from worker.queue.calls.trainings import NewJob
from worker.queue.records import DatasetImport, Job

_EPOCHS = "epochs"


class Extensions:
    """Continues jobs, which may be archived."""

    def __init__(self, jobs: JobReader, catalogue: DatasetCatalogue, states: TrainingStates) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._states = states

    async def new_job(self, extension: Extension, caller: Principal) -> NewJob:
        """Return the job to submit.

        Raises:
            InvalidRequestError: the extension has a field of its own that it cannot have, or too many epochs.
            JobNotFoundError: there is no such job.
            NotExtendableError: the job has published no model, or an earlier release trained it.
            OtherDatasetError: the extension names another dataset than that of the job.
            DatasetGoneError: the job's dataset was deleted.
            TrainingStateGoneError: the job's training state is not kept any more.
        """
        if extension.model_extra:
            raise invalid_fields(
                extension.model_extra, "extend keeps the settings of the training: leave it out."
            )
        job = Job.model_validate_json(await self._jobs.json(extension.extend, caller.project))
        if job.result is None or job.recipe is None or not isinstance(job.spec, ResolvedSpec):
            raise NotExtendableError(job.id, job.status)
        await self._check_dataset(job.id, job.spec.dataset, extension.dataset, caller.project)
        await self._states.require(job.id, job.result.model.id, caller.project)
        spec = with_own_fields(await self._extend(job, job.spec, extension, caller.project), extension)
        return NewJob(
            spec,
            created_by=caller.name,
            project=caller.project,
            priority=extension.priority,
            recipe=job.recipe.with_settings({_EPOCHS: spec.epochs}),
            is_uploaded=find_built_in(spec.dataset) is None,
        )

    async def _extend(self, job: Job, spec: ResolvedSpec, extension: Extension, project: str) -> ResolvedSpec:
        assert job.result  # noqa: S101  # the caller has looked
        done = job.metrics.epoch if job.metrics else 0
        epochs = done + extension.epochs if extension.epochs else MAX_EPOCHS
        if epochs > MAX_EPOCHS or done >= MAX_EPOCHS:
            message = f"{job.id} has made {done} epochs, and a training makes {MAX_EPOCHS} at most."
            raise InvalidRequestError(
                f"Correct epochs: {message}", field_errors=[{"param": _EPOCHS, "message": message}]
            )
        progress = (
            done / epochs
            if extension.time_budget_s is None
            else await self._progress_by_time(job.id, done, extension.time_budget_s, project)
        )
        source = ExtendedFrom(job=job.id, model=job.result.model.id, epochs=done, progress=progress)
        own = {
            _EPOCHS: epochs,
            "time_budget_s": extension.time_budget_s,
            "patience": extension.patience,
            "extended_from": source,
            "rerun_of": None,
        }
        return spec.model_copy(update=own)

    async def _progress_by_time(self, job_id: str, done: int, budget_s: float, project: str) -> float:
        """Return the share of the time of both trainings that the first took, by the mean duration of its epochs."""
        rows = await self._jobs.rows(job_id, project, 0, MAX_EPOCHS)
        spent_s = done * sum(row.duration_s for row in rows) / len(rows) if rows else 0.0
        return spent_s / (spent_s + budget_s)

    async def _check_dataset(self, job_id: str, dataset: str, named: str | None, project: str) -> None:
        await require_dataset(self._catalogue, job_id, dataset, project)
        if named is not None and await self._id_of(named, project) != dataset:
            raise OtherDatasetError(job_id, dataset)

    async def _id_of(self, named: str, project: str) -> str | None:
        if built_in := find_built_in(named):
            return built_in.id
        try:
            found = await self._catalogue.look_up(named, project)
        except DatasetNotFoundError:
            return None
        return found.id if isinstance(found, DatasetImport) else found.facts.id
