"""Errors of the dataset routes, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.errors import DatasetRejectedError, DatasetUnavailableError
from worker.errors import DatasetNameTakenError

_RETRY_BUSY_S = 30


class UploadsBusyError(ApiError):
    """Raised when the maximum number of datasets is being uploaded already."""

    code = "uploads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} datasets are being uploaded already: try again when one is done.")


class EmptyUploadError(ApiError):
    """Raised when the body of an upload has no bytes."""

    code = "empty_upload"


class NotAZipError(ApiError):
    """Raised when the body of an upload does not start like a zip file."""

    code = "not_a_zip"


ANSWERS: Answers = {
    UploadsBusyError: Answer(503, retry_after_s=_RETRY_BUSY_S),
    EmptyUploadError: Answer(422),
    NotAZipError: Answer(415),
    DatasetNameTakenError: Answer(
        409, "This name belongs to another dataset, and datasets never change. Choose a new name."
    ),
    DatasetRejectedError: Answer(422),
    DatasetUnavailableError: Answer(404, "No dataset has this id or name. GET /datasets lists all datasets."),
}
