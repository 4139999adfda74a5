"""How the errors of Redis, storage and the records in them are answered, whichever feature meets them."""

from collections.abc import Sequence

import redis

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.errors import CoverageOfMirrorsError, MirrorsDifferError, StorageError, StorageFullError
from worker.errors import (
    DatasetNotFoundError,
    IdempotencyMismatchError,
    JobNotFoundError,
    ModelNotFoundError,
    StoreUnavailableError,
)
from worker.queue.records import DatasetImport
from worker.registry.errors import ModelRequiredError, NoModelError, NoProductionError

_REDIS_UNAVAILABLE = Answer(
    503,
    "The record of jobs cannot be reached or written; nothing was lost. Try again shortly.",
    "redis_unavailable",
    retry_after_s=2,
)

_NAMED = 20


class EmptyUploadError(ApiError):
    """Raised when the body of an upload has no bytes."""

    code = "empty_upload"


class NotAZipError(ApiError):
    """Raised when the body of an upload does not start like a zip file."""

    code = "not_a_zip"


class UnknownClassError(ApiError):
    """Raised when a query names a class that the dataset or the model does not have."""

    code = "unknown_class"

    def __init__(self, owner: str, param: str, classes: Sequence[str]) -> None:
        named = ", ".join(map(repr, classes[:_NAMED]))
        more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
        message = f"This {owner} has the classes {named}{more}."
        super().__init__(message, field_errors=[{"param": param, "message": message}])


class DatasetNotReadyError(ApiError):
    """Raised when something is asked of a dataset that is being imported."""

    code = "dataset_processing"

    def __init__(self, name: str, import_id: str) -> None:
        super().__init__(f"{name} is being imported: GET /datasets/{import_id}?wait_s=60, then try again.")


class DatasetNotMadeError(ApiError):
    """Raised when something is asked of a dataset whose import was rejected or cancelled."""

    code = "dataset_rejected"

    def __init__(self, dataset_import: DatasetImport) -> None:
        reason = dataset_import.error.message if dataset_import.error else "Its import was cancelled."
        super().__init__(f"There is no dataset {dataset_import.name}. {reason} Add the images again.")


ANSWERS: Answers = {
    MirrorsDifferError: Answer(422),
    CoverageOfMirrorsError: Answer(422),
    DatasetNotReadyError: Answer(409),
    DatasetNotMadeError: Answer(409),
    UnknownClassError: Answer(422),
    StoreUnavailableError: _REDIS_UNAVAILABLE,
    redis.ConnectionError: _REDIS_UNAVAILABLE,
    redis.TimeoutError: _REDIS_UNAVAILABLE,
    StorageFullError: Answer(503, retry_after_s=60),
    StorageError: Answer(
        503,
        "Storage cannot be read or written. GET /readyz says why; try again when storage works.",
        "storage_unavailable",
        retry_after_s=10,
    ),
    IdempotencyMismatchError: Answer(422),
    EmptyUploadError: Answer(422),
    NotAZipError: Answer(415),
    JobNotFoundError: Answer(404, "No job has this id, or the job was deleted. GET /jobs lists all jobs."),
    DatasetNotFoundError: Answer(404, "No dataset has this id or name. GET /datasets lists all datasets."),
    ModelNotFoundError: Answer(404, "No model matches this reference. GET /models lists all models."),
    NoModelError: Answer(404),
    ModelRequiredError: Answer(422),
    NoProductionError: Answer(
        409,
        "No version of this name is in production. PUT /models/{name}/aliases/production, or ask for {name}:latest.",
    ),
}
