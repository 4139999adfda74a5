"""Errors of the job routes, and how each is answered."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.recipes.starter import STARTER
from worker.errors import NothingToPublishError, PublishCommittedError, QueueFullError, WrongStateError
from worker.queue.records import DatasetImport


class UnknownDatasetError(ApiError):
    """Raised when a new job names a dataset that does not exist."""

    code = "dataset_not_found"

    def __init__(self, known: Sequence[str]) -> None:
        message = f"There is no such dataset. There are: {', '.join(known)}. POST /datasets?name= adds one."
        super().__init__(message, field_errors=[{"param": "dataset", "message": message}])


class DatasetProcessingError(ApiError):
    """Raised when a dry run names a dataset that is being imported."""

    code = "dataset_processing"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is being imported, so what fits it is not known yet: GET /datasets/{name}?wait_s=60, then try "
            "again. A job that is posted now waits for the dataset."
        )


class DatasetUnusableError(ApiError):
    """Raised when a new job names a dataset whose import failed or was cancelled."""

    code = "dataset_rejected"

    def __init__(self, dataset: DatasetImport) -> None:
        reason = dataset.error.message if dataset.error else "Its import was cancelled."
        message = f"There is no dataset {dataset.name}. {reason} Upload it again."
        super().__init__(message, field_errors=[{"param": "dataset", "message": message}])


class UnknownInitModelError(ApiError):
    """Raised when a new job names a model to start from that does not exist."""

    code = "model_not_found"

    def __init__(self, reference: str) -> None:
        missing = "No model matches this reference. GET /models lists all models"
        if reference == STARTER:
            missing = "This service has no starter. `ninefold models starter build` makes one"
        message = f"{missing}; null starts from random weights."
        super().__init__(message, field_errors=[{"param": "init_from", "message": message}])


class InitModelNotInProductionError(ApiError):
    """Raised when a new job names a model to start from of which no version is in production."""

    code = "no_production"

    def __init__(self) -> None:
        message = "No version of this name is in production: add the version, as in pets:3 or pets:latest, or promote one."
        super().__init__(message, field_errors=[{"param": "init_from", "message": message}])


class NotResolvedError(ApiError):
    """Raised when a rerun names a job that never got its dataset."""

    code = "job_not_resolved"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"{job_id} has no settings to copy yet: it waits for its dataset, or ended while it waited. Wait until it runs, "
            "or post a job with the dataset."
        )


class DatasetGoneError(ApiError):
    """Raised when the dataset of a job that shall be repeated or extended was deleted."""

    code = "dataset_gone"

    def __init__(self, job_id: str, dataset: str) -> None:
        super().__init__(
            f"The dataset {dataset} of {job_id} was deleted, so the job can neither be repeated nor extended. Add the same "
            "images again: they get the same id; then post this job again."
        )


class InitModelGoneError(ApiError):
    """Raised when the model from whose weights a job started that shall be repeated was deleted."""

    code = "init_model_unavailable"

    def __init__(self, job_id: str, model_id: str) -> None:
        super().__init__(
            f"{job_id} started from the weights of {model_id}, which was deleted, so the job cannot be repeated. Post a job "
            "with its settings and another init_from, or with none."
        )


class NotExtendableError(ApiError):
    """Raised when a job shall be extended that has published no model, or that an earlier release trained."""

    code = "not_extendable"

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(
            f"{job_id} is {status} and has no training state to continue from: only a job that this release trained and that "
            "has succeeded has one. Wait until it has, or post a job with its dataset and epochs."
        )


class TrainingStateGoneError(ApiError):
    """Raised when the training state of a job that shall be extended is not kept any more."""

    code = "training_state_gone"

    def __init__(self, job_id: str, model_id: str) -> None:
        super().__init__(
            f"The training state of {job_id} is not kept any more: the newest NINEFOLD_KEEP_STATES are, for "
            f"NINEFOLD_KEEP_STATES_DAYS. Post a job with its dataset and init_from: {model_id} instead, which starts from the "
            "weights of its model."
        )


class OtherDatasetError(ApiError):
    """Raised when a job shall be extended with another dataset."""

    code = "other_dataset"

    def __init__(self, job_id: str, dataset: str) -> None:
        super().__init__(
            f"{job_id} was trained on {dataset}, and can only be extended on the same images. To train its model on other "
            "ones, post a job with that dataset and the model as init_from."
        )


ANSWERS: Answers = {
    NotExtendableError: Answer(409),
    TrainingStateGoneError: Answer(409),
    OtherDatasetError: Answer(409),
    DatasetGoneError: Answer(409),
    InitModelGoneError: Answer(409),
    NotResolvedError: Answer(409),
    DatasetProcessingError: Answer(409),
    DatasetUnusableError: Answer(422),
    UnknownDatasetError: Answer(422),
    UnknownInitModelError: Answer(422),
    InitModelNotInProductionError: Answer(422),
    WrongStateError: Answer(409),
    PublishCommittedError: Answer(409),
    NothingToPublishError: Answer(409),
    QueueFullError: Answer(503, retry_after_s=30),
}
