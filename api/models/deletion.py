"""Deletes a model; the next worker that starts completes a deletion that was interrupted."""

from api.models.evaluation.runs import EvaluationRuns
from api.models.review.reviews import Reviews
from api.records.storages import Storages
from worker.registry.deletion import delete_model_files
from worker.registry.model_registry import AsyncModelRegistry

_DELETE_TIMEOUT_S = 60.0
_MODEL_ID_PREFIX = "mdl_"


async def delete_model(
    models: AsyncModelRegistry,
    storages: Storages,
    evaluations: EvaluationRuns,
    reviews: Reviews,
    *,
    ref: str,
    project: str,
) -> None:
    """Delete the model behind a reference; with the last model of a name, also what is kept for the name's review.

    Raises:
        ModelNotFoundError: there is no such model.
        ModelInUseError: an alias points at the model, or an evaluation that has not ended needs it.
    """
    # An id is not resolved: a model whose deletion has begun no longer resolves, but may be deleted again.
    is_id = ref.startswith(_MODEL_ID_PREFIX)
    model_id = ref if is_id else (await models.resolve(ref, project)).manifest.id
    await models.begin_deletion(model_id, project)
    await evaluations.forget(model_id, project)
    await storages.run_within(_DELETE_TIMEOUT_S, delete_model_files, storages.of(project), model_id)
    await models.end_deletion(model_id, project)
    await reviews.end_without_models(project)
