"""Compares a rerun with the job that it repeats: are the weights equal, and what differed?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model.artifact.manifest import ENVIRONMENT, FINISH_REASON, WEIGHTS_FILE
from model.errors import StorageError
from model.recipes.resolved_recipe import ResolvedRecipe
from model.storage.interface import Storage
from worker.errors import JobNotFoundError, ModelNotFoundError
from worker.queue.archive import JobArchive
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.records import Job, RerunResult
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry


@dataclass(frozen=True)
class Origin:
    """What decides the weights of a training besides spec and dataset, and the weights."""

    weights_sha256: str | None
    """None if they are not known."""
    versions: Mapping[str, str]
    environment: Mapping[str, Any]
    finish_reason: str | None
    recipe: ResolvedRecipe | None


def compare_with_original(
    store: JobStore, storage: Storage, claimed: ClaimedJob, draft: Mapping[str, Any]
) -> RerunResult | None:
    """Return how the model of a rerun compares with that of the job that it repeats; None if the job is no rerun.

    Args:
        store: has the records of the jobs and models.
        storage: has the archived jobs.
        claimed: the rerun.
        draft: the manifest of its model.
    """
    if claimed.spec.rerun_of is None:
        return None
    original = _find_original(store, storage, claimed.spec.rerun_of, claimed.project)
    if original is None:
        return RerunResult(of=claimed.spec.rerun_of, reproduced=None, differences=[])
    before, now = _origin_of_job(store, original, claimed.project), _origin_of_draft(claimed, draft)
    is_known = before.weights_sha256 is not None
    return RerunResult(
        of=original.id,
        reproduced=before.weights_sha256 == now.weights_sha256 if is_known else None,
        differences=list(_differences(before, now)),
    )


def _find_original(store: JobStore, storage: Storage, job_id: str, project: str) -> Job | None:
    """Read a job wherever it is kept; None if it was deleted."""
    try:
        return store.get(job_id, project)
    except JobNotFoundError:
        pass
    try:
        return Job.model_validate(JobArchive(storage).read(job_id).job)
    except (JobNotFoundError, StorageError):
        return None


def _origin_of_job(store: JobStore, job: Job, project: str) -> Origin:
    """Return the origin of a job's model as the job's result has it, which stays when the model is deleted.

    The result of a job of an earlier release has none: then the manifest of its model tells.
    """
    sha256, versions, environment = None, dict[str, str](), dict[str, Any]()
    if job.result and job.result.weights_sha256:
        result = job.result
        sha256, versions, environment = result.weights_sha256, result.versions, result.environment
    elif job.result:
        try:
            manifest = ModelRegistry(store.redis).resolve(job.result.model.id, project).manifest
            sha256, versions = manifest.files[WEIGHTS_FILE].sha256, manifest.versions
        except (ModelNotFoundError, KeyError):
            pass
    return Origin(sha256, versions, environment, job.finish_reason, job.recipe)


def _origin_of_draft(claimed: ClaimedJob, draft: Mapping[str, Any]) -> Origin:
    lineage = draft["lineage"]
    return Origin(
        weights_sha256=draft["files"][WEIGHTS_FILE]["sha256"],
        versions=draft["versions"],
        environment=lineage.get(ENVIRONMENT, {}),
        finish_reason=lineage.get(FINISH_REASON, draft["finish_reason"]),
        recipe=claimed.recipe,
    )


def _differences(before: Origin, now: Origin) -> Iterator[str]:
    """Yield what is known of both and differs, each as `name old → new`."""
    for old, new in ((before.versions, now.versions), (before.environment, now.environment)):
        yield from (
            f"{name} {old[name]} → {new[name]}" for name in old if name in new and old[name] != new[name]
        )
    if before.finish_reason and before.finish_reason != now.finish_reason:
        yield f"finish_reason {before.finish_reason} → {now.finish_reason}"
    if before.recipe and now.recipe:
        yield from (f"recipe: {change}" for change in now.recipe.changes_from(before.recipe))
