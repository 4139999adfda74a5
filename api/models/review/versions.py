"""Makes the next version of a dataset of the labelled images of a review, and the job that trains on it. Knows no HTTP.

Each step may be repeated: the registry keeps the plan of the version until its import has ended.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from api.http.callers import Principal
from api.models.review.errors import NoOwnDatasetError, NothingLabelledError
from api.models.review.labelled_zip import OPTIONS, ZipStorage
from api.models.review.reviews import Reviews
from api.models.review.schemas import ReviewDatasetRequest
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.undoing import undone_if_refused
from model.artifact.manifest import Manifest
from model.spec import JobSpec, Promote, TrainingSpec
from worker.errors import IdempotencyMismatchError, JobNotFoundError, ModelNotFoundError
from worker.queue.calls.imports import NewImport
from worker.queue.calls.trainings import Submitted
from worker.queue.ids import new_import_id, upload_key
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore
from worker.registry.errors import NoProductionError, ReviewOffError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import PRODUCTION
from worker.registry.review.records import ReviewState, TakenImages, VersionJob, VersionPlan, is_version_made

SubmitImport = Callable[[NewImport, str], Awaitable[DatasetImport]]
SubmitJob = Callable[[JobSpec, Principal, str], Awaitable[Submitted]]


@dataclass(frozen=True)
class MadeVersion:
    """A dataset version that is being made, or was made."""

    plan: VersionPlan
    job_id: str | None


@dataclass(frozen=True)
class Submitting:
    """How the service queues imports and jobs; each call takes an idempotency key."""

    submit_import: SubmitImport
    submit_job: SubmitJob


class ReviewVersions:
    """Makes dataset versions of reviews."""

    def __init__(
        self,
        models: AsyncModelRegistry,
        store: AsyncJobStore,
        catalogue: DatasetCatalogue,
        *,
        reviews: Reviews,
        zips: ZipStorage,
        submitting: Submitting,
    ) -> None:
        self._models, self._store, self._catalogue = models, store, catalogue
        self._reviews, self._zips, self._submitting = reviews, zips, submitting

    async def find_state(self, name: str, project: str) -> ReviewState | None:
        """Return the state of a review, after the end of the import that made a version was noted; None when it is off."""
        state = await self._models.review_state(name, project)
        if state and state.making and await self._settle(name, state.making, project):
            return await self._models.review_state(name, project)
        return state

    async def make(
        self, name: str, asked: ReviewDatasetRequest, caller: Principal, key: str | None
    ) -> MadeVersion:
        """Queue the next version with all labelled images; while one is being made, return that one.

        Raises:
            ReviewOffError: the review of this name is off.
            IdempotencyMismatchError: the key was used with another body.
            NothingLabelledError: no image has a label that is not used yet.
            NoOwnDatasetError: the model in production was trained on a built-in dataset.
            DatasetNotFoundError: its dataset was deleted.
            StorageFullError: storage has too little room.
            QueueFullError: too many imports, or jobs, are queued.
        """
        project = caller.project
        state = await self.find_state(name, project)
        if state is None:
            raise ReviewOffError(name)
        for known in filter(None, (state.making, state.made)):
            is_same = (known.train, known.note) == (asked.train, asked.note)
            if key and known.key == key and not is_same:
                raise IdempotencyMismatchError
        made = state.made
        if made and key and made.key == key:
            return await self._answer(name, made, is_trained=made.train, caller=caller)
        if made and made.train and not (state.labelled or state.making or state.job_of(made)):
            return await self._answer(name, made, is_trained=True, caller=caller)  # it was interrupted
        plan = state.making or await self._plan(name, asked, caller, key)
        taken = await self._models.take_labelled(name, plan, project)
        if taken.plan is None:
            raise NothingLabelledError(name)
        await self._submit_import(name, taken, caller)
        is_trained = asked.train or taken.plan.train
        return await self._answer(name, taken.plan, is_trained=is_trained, caller=caller)

    async def _settle(self, name: str, plan: VersionPlan, project: str) -> bool:
        """Note the end of the import of a plan; return whether it has ended."""
        try:
            found = await self._store.get_import(plan.import_id, project)
        except (
            JobNotFoundError
        ):  # a request was interrupted before it queued the import: the next one queues it
            return False
        if not found.is_finished:
            return False
        is_made = is_version_made(found)
        used = await self._models.settle_version(name, plan.import_id, is_made=is_made, project=project)
        await self._reviews.delete_files(name, used, project)
        return True

    async def _plan(
        self, name: str, asked: ReviewDatasetRequest, caller: Principal, key: str | None
    ) -> VersionPlan:
        manifest = (await self._models.resolve(f"{name}@{PRODUCTION}", caller.project)).manifest
        if find_built_in(manifest.dataset.id):
            raise NoOwnDatasetError(manifest.dataset.name)
        trained_on = await self._catalogue.look_up_ready(manifest.dataset.id, caller.project)
        wanted = manifest.dataset.name
        ours = wanted if wanted in trained_on.names else trained_on.facts.name
        latest = await self._catalogue.look_up_ready(ours, caller.project)
        return VersionPlan(
            import_id=new_import_id(),
            parent=latest.facts.id,
            name=latest.facts.name,
            model=manifest.id,
            note=asked.note,
            by=caller.name,
            train=asked.train,
            key=key,
        )

    async def _submit_import(self, name: str, taken: TakenImages, caller: Principal) -> None:
        plan = taken.plan
        assert plan is not None  # noqa: S101 - the caller has looked
        with suppress(JobNotFoundError):
            await self._store.get_import(plan.import_id, caller.project)
            return

        def give_labels_back() -> Awaitable[object]:
            return self._models.settle_version(name, plan.import_id, is_made=False, project=caller.project)

        async with undone_if_refused(give_labels_back):
            key = upload_key(plan.import_id)
            size_bytes, sha256 = await self._zips.put(key, name, taken.labels, caller.project)
            new = NewImport(
                plan.import_id,
                plan.name,
                size_bytes,
                sha256,
                plan.by,
                caller.project,
                OPTIONS,
                parent=plan.parent,
                note=plan.note,
            )
            await self._submitting.submit_import(new, f"review-{plan.import_id}")

    async def _answer(
        self, name: str, plan: VersionPlan, *, is_trained: bool, caller: Principal
    ) -> MadeVersion:
        if not is_trained:
            return MadeVersion(plan, None)
        manifest = (await self._models.resolve(plan.model, caller.project)).manifest
        spec = await self._spec(name, plan, manifest, caller.project)
        by = replace(caller, name=plan.by)  # a repetition by somebody else is still a repetition
        submitted = await self._submitting.submit_job(spec, by, f"review-{plan.import_id}")
        job = VersionJob(import_id=plan.import_id, job=submitted.job_id)
        await self._models.note_version_job(name, job, caller.project)
        return MadeVersion(plan, submitted.job_id)

    async def _spec(self, name: str, plan: VersionPlan, manifest: Manifest, project: str) -> JobSpec:
        """Return the spec of the model for a job on the version, which production gets only if it is better."""
        stored = manifest.spec
        settings = {field: getattr(stored, field) for field in TrainingSpec.model_fields}
        if stored.promote_metric is not None:
            settings["promote_metric"] = stored.promote_metric
        if stored.promote_margin is not None:
            settings["promote_margin"] = stored.promote_margin
        settings["init_from"] = None  # said, so that no starter is chosen where the model had none
        if stored.init_from and not stored.extended_from:
            with suppress(ModelNotFoundError, NoProductionError):
                settings["init_from"] = (await self._models.resolve(stored.init_from, project)).manifest.id
        return JobSpec(
            dataset=plan.import_id, name=name, promote=Promote.IF_BETTER, tags=stored.tags, **settings
        )
