"""Errors of the job routes, and how each is answered."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers
from worker.errors import NothingToPublishError, PublishCommittedError, QueueFullError, WrongStateError


class UnknownDatasetError(ApiError):
    """Raised when a new job names a dataset that does not exist."""

    code = "dataset_not_found"

    def __init__(self, known: Sequence[str]) -> None:
        message = f"There is no such dataset. There are: {', '.join(known)}. POST /datasets?name= adds one."
        super().__init__(message, field_errors=[{"param": "dataset", "message": message}])


class UnknownInitModelError(ApiError):
    """Raised when a new job names a model to start from that does not exist."""

    code = "model_not_found"

    def __init__(self) -> None:
        message = (
            "No model matches this reference. GET /models lists all models; null starts from random weights."
        )
        super().__init__(message, field_errors=[{"param": "init_from", "message": message}])


ANSWERS: Answers = {
    UnknownDatasetError: Answer(422),
    UnknownInitModelError: Answer(422),
    WrongStateError: Answer(409),
    PublishCommittedError: Answer(409),
    NothingToPublishError: Answer(409),
    QueueFullError: Answer(503, retry_after_s=30),
}
