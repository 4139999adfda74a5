"""What only training jobs have: submit, stop, the commit of a publish, success, and the wait for a dataset."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.artifact.manifest import ENVIRONMENT, FINISH_REASON, SEEN_TEST_IMAGES, WEIGHTS_FILE
from model.data.built_in.facts import BUILT_IN
from model.recipes.defaults import resolve
from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from model.recipes.starter import is_start_open
from model.spec import JobSpec, Promote, ResolvedSpec
from worker.queue.attempt_messages import Committed
from worker.queue.calls.attempts import read_status
from worker.queue.calls.claims import read_committed
from worker.queue.calls.requests import Idempotency, read_job, read_submitted, submission_arguments
from worker.queue.ids import new_job_id
from worker.queue.kinds import (
    PLAIN_VERSION,
    QUEUE_LIMITS,
    VERSION_WITH_CONTINUATIONS,
    VERSION_WITH_GATE,
    Kind,
)
from worker.queue.records import Job, JobError, Promotion, RerunResult
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Commands, ScriptCall


@dataclass(frozen=True)
class NewJob:
    """A job to submit."""

    spec: ResolvedSpec | JobSpec
    """The spec as it was posted only for a job that waits for a dataset."""
    created_by: str | None = None
    warnings: tuple[str, ...] = ()
    project: str = DEFAULT_PROJECT
    priority: int = 0
    recipe: ResolvedRecipe | None = None
    """All attempts train with this recipe. None: the recipe that the spec names, as this version has it."""
    waits_for: str | None = None
    """The id of the import whose dataset the job waits for."""
    is_uploaded: bool = False
    """Whether the dataset was uploaded: the job is refused if the dataset was deleted meanwhile."""

    @property
    def name(self) -> str:
        """The name of the job and its model."""
        assert self.spec.name is not None  # noqa: S101  # the spec of a job that waits has a name
        return self.spec.name


@dataclass(frozen=True)
class Submitted:
    """The answer to a submission. A repeated submission gets the first answer unchanged."""

    job_id: str
    job_json: str
    is_replay: bool
    """True when the submission repeated an earlier one."""

    @property
    def job(self) -> Job:
        """The job as it was at its submission."""
        return Job.model_validate_json(self.job_json)


def submit(
    job: NewJob, idempotency: Idempotency | None = None, *, queue_limit: int = QUEUE_LIMITS[Kind.TRAINING]
) -> ScriptCall[Submitted]:
    """Put a new job at the end of the queue; a repeated Idempotency-Key returns the first answer instead.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
        DatasetNotFoundError: the uploaded dataset of the job was deleted.
        ImportEndedError: the import that the job shall wait for has ended.
        QueueFullError: `queue_limit` jobs are queued already.
    """
    arguments = {
        **submission_arguments(
            Kind.TRAINING,
            new_job_id(),
            name=job.name,
            project=job.project,
            created_by=job.created_by,
            idempotency=idempotency,
            queue_limit=queue_limit,
            schema_version=_schema_version(job.spec),
        ),
        "priority": job.priority,
        "dataset": job.spec.dataset,
        "promote": job.spec.promote,
        "spec": _resolved(job.spec).first_release_json(),
        "later_settings": _later_settings(job.spec),
        "posted_spec": job.waits_for and _posted_json(job.spec),
        "recipe": _recipe_json(job),
        "warnings": json.dumps(job.warnings),
        "tags": json.dumps(job.spec.tags),
        "gpus": job.spec.gpus,
        "waits_for": job.waits_for,
        "epochs_before": _epochs_before(job.spec),
        "is_uploaded": job.is_uploaded or None,
    }
    return QUEUE_SCRIPTS.call("training/submit", arguments, lambda reply: Submitted(*read_submitted(reply)))


def _schema_version(spec: ResolvedSpec | JobSpec) -> int:
    if isinstance(spec, ResolvedSpec) and spec.extended_from:
        return VERSION_WITH_CONTINUATIONS
    return VERSION_WITH_GATE if spec.promote is Promote.IF_BETTER else PLAIN_VERSION


def _epochs_before(spec: ResolvedSpec | JobSpec) -> int | None:
    """Return the number of epochs of the training that the job continues, if it does and there are any."""
    return (spec.epochs_before or None) if isinstance(spec, ResolvedSpec) else None


def _resolved(spec: ResolvedSpec | JobSpec) -> ResolvedSpec:
    """Return a complete spec for a job that waits, which only earlier releases read: they know no other."""
    if isinstance(spec, ResolvedSpec):
        return spec
    stand_in = BUILT_IN["cifar10"].model_copy(update={"id": spec.dataset})
    # Whether the number of devices and the patience fit depends on the real dataset.
    return resolve(spec.model_copy(update={"gpus": 1, "patience": None}), stand_in, "cpu")[0]


def _posted_json(spec: ResolvedSpec | JobSpec) -> str:
    """Return a spec as it was posted: one that leaves `init_from` out may start from the starter, one with null may not."""
    is_open = isinstance(spec, JobSpec) and is_start_open(spec)
    return spec.model_dump_json(exclude={"init_from"} if is_open else None)


def _later_settings(spec: ResolvedSpec | JobSpec) -> str | None:
    """Return the settings that the first release does not know, if any; of a job that waits `posted_spec` has them."""
    settings = spec.later_settings() if isinstance(spec, ResolvedSpec) else {}
    return json.dumps(settings) if settings else None


def _recipe_json(job: NewJob) -> str | None:
    """Return the recipe of a job; None for a job whose spec is not resolved yet."""
    if job.recipe:
        return job.recipe.model_dump_json()
    return resolve_recipe(job.spec).model_dump_json() if isinstance(job.spec, ResolvedSpec) else None


def stop(job_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[Job]:
    """End training early and publish the best epoch so far. May be repeated.

    Raises:
        NothingToPublishError: no epoch has been completed yet.
        WrongStateError: the job has ended or is being cancelled.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("training/stop", {"item_id": job_id, "project": project}, read_job)


def commit_publish(
    job_id: str, attempt_id: str, draft: Mapping[str, Any], rerun: RerunResult | None = None
) -> ScriptCall[Committed]:
    """Commit the publication of a model: assign its version and time. A repeated commit returns the first result.

    `draft` is the manifest without its version and time; `rerun` compares the model with that of the repeated job.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
        JobCancelledError: the job is being cancelled.
    """
    unversioned = {name: value for name, value in draft.items() if name not in ("version", "created_at")}
    metrics = draft.get("metrics", {})
    measured = {name: metrics.get(name) for name in ("test_accuracy", "test_accuracy_tta", "ci95")}
    arguments = {
        "item_id": job_id,
        "attempt_id": attempt_id,
        "model_id": draft["id"],
        "draft": json.dumps(unversioned),
        "measured": json.dumps(measured),
        "finish_reason": draft["finish_reason"],
        "later_finish_reason": draft.get("lineage", {}).get(FINISH_REASON),
        "later_result": json.dumps(_later_result(draft, rerun)),
        "warning": json.dumps(" ".join(warnings)) if (warnings := _later_warnings(draft)) else "",
    }
    return QUEUE_SCRIPTS.call("training/commit_publish", arguments, read_committed)


def _later_result(draft: Mapping[str, Any], rerun: RerunResult | None) -> dict[str, Any]:
    """Return the fields of a job's result that the first release does not know."""
    return {
        "weights_sha256": draft.get("files", {}).get(WEIGHTS_FILE, {}).get("sha256"),
        "versions": draft.get("versions", {}),
        "environment": draft.get("lineage", {}).get(ENVIRONMENT, {}),
        "rerun": rerun and rerun.model_dump(mode="json"),
    }


def _later_warnings(draft: Mapping[str, Any]) -> list[str]:
    """Return what is known at the end: that a model saw only some training images, or began from one that saw test images."""
    warnings = []
    share = draft.get("metrics", {}).get("first_epoch_share")
    if share is not None:
        warnings.append(
            f"The time budget ended in the first epoch: {share:.0%} of the training images were used. Raise time_budget_s, or "
            "choose a smaller image_size."
        )
    if seen := draft.get("lineage", {}).get(SEEN_TEST_IMAGES):
        warnings.append(
            f"{seen} test images are, or look like, training images of the model whose weights this one started from: the test "
            "scores may be too high. Comparisons and if_better leave these images out."
        )
    return warnings


def succeed(job_id: str, attempt_id: str, promotion: Promotion | None = None) -> ScriptCall[Status]:
    """End a job after `commit_publish`, and register its model; a job with a gate needs the decision about its promotion.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
        NothingCommittedError: no model was committed.
        AliasMovedError: `production` does not point at the version with which the model was compared: decide again.
    """
    arguments: dict[str, object] = {"item_id": job_id, "attempt_id": attempt_id}
    if promotion:
        gate = promotion.comparison and promotion.comparison.model_dump_json()
        arguments["decision"] = {
            "expected": str(promotion.from_version or ""),
            "is_promoted": promotion.is_promoted,
            "json": promotion.model_dump_json(),
            "gate": f',"gate":{gate}' if gate else "",
        }
    return QUEUE_SCRIPTS.call("training/succeed", arguments, read_status)


def waiting_jobs(import_id: str) -> Commands[list[str]]:
    """List the ids of the jobs that wait for the dataset of an import."""
    return Commands((("SMEMBERS", redis_keys.WAITING + import_id),), lambda results: sorted(results[0]))


def release_waiting(
    job_id: str, import_id: str, spec: ResolvedSpec, warnings: tuple[str, ...]
) -> ScriptCall[None]:
    """Give a job that waited its resolved spec and queue it; does nothing when it waits no longer. May be repeated."""
    arguments = {
        "item_id": job_id,
        "import_id": import_id,
        "dataset": spec.dataset,
        "spec": spec.first_release_json(),
        "later_settings": _later_settings(spec),
        "recipe": resolve_recipe(spec).model_dump_json(),
        "warnings": json.dumps(warnings),
        "gpus": spec.gpus,
    }
    return QUEUE_SCRIPTS.call("training/release_waiting", arguments, lambda _: None)


def reject_waiting(
    job_id: str, import_id: str, error: JobError, dataset_id: str | None = None
) -> ScriptCall[None]:
    """Fail a job that waited for a dataset; `dataset_id` names the dataset when there is one. May be repeated."""
    arguments = {
        "item_id": job_id,
        "import_id": import_id,
        "error": error.model_dump_json(),
        "dataset": dataset_id,
    }
    return QUEUE_SCRIPTS.call("training/reject_waiting", arguments, lambda _: None)
