"""Makes a job that repeats another job: with its resolved spec and its recipe. Knows no HTTP."""

from api.http.callers import Principal
from api.http.errors import invalid_fields
from api.jobs.errors import DatasetGoneError, InitModelGoneError, NotResolvedError
from api.jobs.schemas import Extension, Rerun
from api.jobs.training_states import TrainingStates
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.jobs import JobReader
from model.spec import Metric, Promote, ResolvedSpec
from worker.errors import DatasetNotFoundError, ModelNotFoundError
from worker.queue.calls.trainings import NewJob
from worker.queue.records import Job
from worker.registry.model_registry import AsyncModelRegistry

_OWN_FIELDS = ("name", "promote", "tags")
"""The fields of a rerun that replace those of the job, where they are given."""
_GATE_FIELDS = ("promote_metric", "promote_margin")


class Reruns:
    """Copies the settings of jobs, which may be archived."""

    def __init__(
        self,
        jobs: JobReader,
        catalogue: DatasetCatalogue,
        models: AsyncModelRegistry,
        states: TrainingStates,
    ) -> None:
        self._jobs = jobs
        self._states = states
        self._catalogue = catalogue
        self._models = models

    async def new_job(self, rerun: Rerun, caller: Principal) -> NewJob:
        """Return the job to submit.

        Raises:
            InvalidRequestError: the rerun has a training field.
            JobNotFoundError: there is no such job.
            NotResolvedError: the job has no resolved spec, because it never got its dataset.
            DatasetGoneError: the job's dataset was deleted.
            InitModelGoneError: the model from whose weights the job started was deleted.
            TrainingStateGoneError: the job continued another one, whose training state is not kept any more.
        """
        if rerun.model_extra:
            raise invalid_fields(rerun.model_extra, "rerun_of copies all training settings: leave it out.")
        job = Job.model_validate_json(await self._jobs.json(rerun.rerun_of, caller.project))
        if not isinstance(job.spec, ResolvedSpec):
            raise NotResolvedError(job.id)
        await self._check_inputs(job.id, job.spec, caller.project)
        return NewJob(
            with_own_fields(job.spec.model_copy(update={"rerun_of": job.id}), rerun),
            created_by=caller.name,
            warnings=tuple(dict.fromkeys([*job.warnings, *_warnings(job, job.spec)])),
            project=caller.project,
            priority=rerun.priority,
            recipe=job.recipe,
            is_uploaded=find_built_in(job.spec.dataset) is None,
        )

    async def _check_inputs(self, job_id: str, spec: ResolvedSpec, project: str) -> None:
        if spec.extended_from:
            await self._states.require(spec.extended_from.job, spec.extended_from.model, project)
        await require_dataset(self._catalogue, job_id, spec.dataset, project)
        if spec.init_from and not spec.extended_from:
            try:
                await self._models.resolve(spec.init_from, project)
            except ModelNotFoundError:
                raise InitModelGoneError(job_id, spec.init_from) from None


async def require_dataset(catalogue: DatasetCatalogue, job_id: str, dataset: str, project: str) -> None:
    """Raise DatasetGoneError if the dataset of a job was deleted."""
    try:
        if find_built_in(dataset) is None:
            await catalogue.look_up(dataset, project)
    except DatasetNotFoundError:
        raise DatasetGoneError(job_id, dataset) from None


def with_own_fields(spec: ResolvedSpec, copy: Rerun | Extension) -> ResolvedSpec:
    """Return the spec with the name, promotion and tags that the copy has of its own, and with a gate where it needs one."""
    own = {name: value for name in _OWN_FIELDS if (value := getattr(copy, name)) is not None}
    spec = spec.model_copy(update=own)
    has_gate = spec.promote is Promote.IF_BETTER
    metric, margin = spec.promote_metric or Metric.ACCURACY, spec.promote_margin or 0.0
    gate = {"promote_metric": metric, "promote_margin": margin} if has_gate else dict.fromkeys(_GATE_FIELDS)
    return spec.model_copy(update=gate)


def _warnings(job: Job, spec: ResolvedSpec) -> list[str]:
    """Tell why the weights of the rerun will probably differ."""
    warnings = []
    if spec.time_budget_s is not None:
        warnings.append(
            f"The job has a time budget of {spec.time_budget_s:g} s: the clock decides how long it trains, so the rerun's "
            "weights will differ. Post the job with epochs instead."
        )
    if job.finish_reason == "stopped":
        warnings.append(
            "The job was stopped by a user; the rerun trains to the end, so its weights will differ."
        )
    if job.recipe is None:
        warnings.append(
            "The job is of an earlier version, which did not store its recipe: the rerun uses the recipe of that name as "
            "this version has it."
        )
    return warnings
