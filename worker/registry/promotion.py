"""Decides whether a new model becomes the one in production: only if it is better on common test images."""

from model.artifact.manifest import Manifest
from model.comparison.description import describe
from model.comparison.result import Gate
from model.errors import ModelError, ObjectMissingError, StorageError
from model.storage.interface import Storage
from worker.errors import ModelNotFoundError
from worker.queue.records import Promotion, PromotionOutcome
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.errors import NoProductionError
from worker.registry.model_registry import ModelRegistry
from worker.registry.models import PRODUCTION


def decide_promotion(
    registry: ModelRegistry,
    storage: Storage,
    candidate: Manifest,
    gate: Gate,
    project: str = DEFAULT_PROJECT,
) -> Promotion:
    """Compare a model with the one that is in production now. Changes nothing.

    Raises:
        StorageError: storage fails.
        StoreUnavailableError: Redis cannot be reached.
    """
    try:
        current = registry.resolve(f"{candidate.name}@{PRODUCTION}", project).manifest
    except (ModelNotFoundError, NoProductionError):
        detail = f"No version of {candidate.name} was in production: version {candidate.version} is now."
        return Promotion(outcome=PromotionOutcome.FIRST, from_version=None, detail=detail)
    from model.comparison.comparing import compare_models  # noqa: PLC0415 - workers start without numpy

    try:
        found = compare_models(candidate, current, gate, storage)
    except ModelError as error:
        if isinstance(error, StorageError) and not isinstance(error, ObjectMissingError):
            raise
        return Promotion(
            outcome=PromotionOutcome.NO_COMMON_TEST_SET,
            from_version=current.version,
            detail=f"{candidate.name}:{candidate.version} cannot be compared with version {current.version}: {error}",
        )
    if not found.images:
        outcome = PromotionOutcome.NO_COMMON_TEST_SET
    else:
        outcome = PromotionOutcome.BETTER if found.is_better else PromotionOutcome.NOT_BETTER
    return Promotion(outcome=outcome, from_version=current.version, detail=describe(found), comparison=found)
