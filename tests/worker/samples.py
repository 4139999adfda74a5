"""Sample jobs, metrics rows and manifests for the tests of the store."""

from typing import Any

from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from model.spec import ResolvedSpec
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.kinds import Lane
from worker.queue.records import Checkpoint, EpochRow
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT

SPEC: dict[str, Any] = {
    "dataset": "digits",
    "name": "digits",
    "recipe": "classic",
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 0.1,
    "weight_decay": 0.0005,
    "label_smoothing": 0.1,
    "image_size": 16,
    "resize": "squash",
    "augmentation": "none",
    "horizontal_flip": False,
    "class_weighting": "none",
    "seed": 0,
    "validation_fraction": 0.1,
    "promote": "first",
    "tags": [],
}


def make_spec(**changes: object) -> ResolvedSpec:
    return ResolvedSpec.model_validate(SPEC | changes)


def make_job(
    created_by: str | None = "alice",
    recipe: ResolvedRecipe | None = None,
    project: str = DEFAULT_PROJECT,
    priority: int = 0,
    **changes: object,
) -> NewJob:
    return NewJob(make_spec(**changes), created_by, recipe=recipe, project=project, priority=priority)


def recipe_of_later_version(**settings: object) -> ResolvedRecipe:
    """Return the recipe of a sample job as Ninefold 7.5.0 might have it, with these settings."""
    own = resolve_recipe(make_spec())
    record = {**own.model_dump(), "ninefold_version": "7.5.0", "settings": {**own.settings, **settings}}
    return ResolvedRecipe.model_validate(record)


def row(epoch: int) -> EpochRow:
    return EpochRow(
        epoch=epoch,
        train_loss=1 / 3,
        train_accuracy=0.1 + 0.2,
        val_loss=None,
        val_accuracy=epoch / 10,
        learning_rate=1e-7,
        images_per_s=100.0,
        duration_s=1.0,
    )


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint(key=f"checkpoints/{epoch}", epoch=epoch, step=0)


def draft(model_id: str = "mdl_1", name: str = "digits") -> dict[str, Any]:
    return {
        "object": "model",
        "id": model_id,
        "name": name,
        "created_at": "2026-01-01T00:00:00.000Z",
        "created_by": "alice",
        "job_id": None,
        "dataset": {"id": "digits", "name": "digits", "content_hash": "00"},
        "spec": SPEC,
        "classes": ["zero", "one"],
        "preprocessing": {"image_size": 16, "resize": "squash", "mean": [0.5] * 3, "std": [0.1 + 0.2] * 3},
        "temperature": 1.0,
        "metrics": {
            "test_accuracy": 0.9,
            "test_accuracy_tta": 0.91,
            "test_loss": 1e-7,
            "ci95": [0.89, 0.93],
            "best_epoch": 1,
            "epochs": 3,
        },
        "finish_reason": "completed",
        "files": {},
        "parameters": 1,
        "versions": {},
        "lineage": {},
    }


def claim(store: JobStore) -> tuple[str, str]:
    """Claim the first queued job; return the ids of the job and of the new attempt."""
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id, lanes=(Lane.TRAINING,))
    assert claimed is not None
    return claimed.item_id, attempt_id


def make_due(store: JobStore) -> None:
    """Let all queued items be claimed, as if the time until their next try had passed."""
    for lane in Lane:
        later = redis_keys.LATER + lane
        items: Any = store.redis.zrange(later, 0, -1)
        for item_id in items:
            store.redis.zadd(later, {item_id: 0})
    store.redis.delete(redis_keys.NOT_BEFORE)


def publish(store: JobStore, name: str = "digits", promote: str = "first") -> str:
    """Run a job until its model is published; return the model's id."""
    store.submit(make_job(name=name, promote=promote))
    job_id, attempt_id = claim(store)
    model_id = new_model_id()
    store.commit_publish(job_id, attempt_id, draft(model_id, name))
    store.succeed(job_id, attempt_id)
    return model_id


def new_evaluation(model_id: str, dataset: str = "digits") -> NewEvaluation:
    """Return the evaluation of a model on a dataset, to be submitted."""
    return NewEvaluation(
        model=model_id, model_name="digits", dataset=dataset, is_uploaded=dataset.startswith("ds_")
    )
