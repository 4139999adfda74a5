"""The errors of `POST /predict`, and the HTTP status of each."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers
from api.predictor.errors import (
    AnswerTooLargeError,
    CoverageUnavailableError,
    DeadlineExceededError,
    ModelUnavailableError,
    OutOfMemoryError,
    OverloadedError,
    PredictionError,
    PredictorUnavailableError,
)
from api.predictor.protocol.messages import ItemError

NO_VALID_IMAGE = "no_valid_image"
"""The code of a request whose images all failed with different codes."""
_RETRY_MEMORY_S = 5


class UploadError(ApiError):
    """Root of the errors of an uploaded body; the message says what to do next."""

    code = "malformed_upload"


class UnsupportedMediaTypeError(UploadError):
    """Raised when the Content-Type says that the body is not an image."""

    code = "unsupported_media_type"


class EmptyUploadError(UploadError):
    """Raised when an upload contains no image."""

    code = "empty_upload"


class FileTooLargeError(UploadError):
    """Raised when one file is larger than the limit."""

    code = "file_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"An image may have {limit_bytes} bytes at most; send a smaller or more compressed one."
        )
        self.limit_bytes = limit_bytes


class RequestTooLargeError(UploadError):
    """Raised when a request body is larger than the limit."""

    code = "request_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"A request may have {limit_bytes} bytes at most; send the images in several requests."
        )
        self.limit_bytes = limit_bytes


class TooManyImagesError(UploadError):
    """Raised when a request has more images than the limit."""

    code = "too_many_images"

    def __init__(self, limit: int, *, are_explained: bool = False) -> None:
        which = "A request with explain=true" if are_explained else "A request"
        super().__init__(f"{which} may have {limit} images at most; send them in several requests.")
        self.limit = limit


class UploadTooSlowError(UploadError):
    """Raised when a body does not end in time."""

    code = "upload_timeout"


class PredictionRefusedError(ApiError):
    """Root of the reasons for which a request gets no prediction; the message says what to do next."""


class NoCheckpointError(PredictionRefusedError):
    """Raised when a job has neither a model nor a checkpoint that can classify."""

    code = "no_checkpoint"


class CheckpointLimitError(PredictionRefusedError):
    """Raised when a checkpoint cannot give what a published model can."""

    code = "needs_model"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs a published model: leave it out, or wait until the job has succeeded."
        )


class NoImageClassifiedError(PredictionRefusedError):
    """Raised when every image of a request failed; `code` is the code of the images, if all have the same."""

    def __init__(self, failed: Sequence[ItemError]) -> None:
        message = (
            failed[0].message if len(failed) == 1 else "None of the images could be classified: see errors."
        )
        field_errors = [
            {"param": f"image {index}", "message": f"{error.code}: {error.message}"}
            for index, error in enumerate(failed)
        ]
        codes = {error.code for error in failed}
        may_retry = codes == {OutOfMemoryError.code}
        super().__init__(
            message, field_errors=field_errors, retry_after_s=_RETRY_MEMORY_S if may_retry else None
        )
        self.code = codes.pop() if len(codes) == 1 else NO_VALID_IMAGE


class ImageFailedError(PredictionRefusedError):
    """Raised when one image of several failed, where the answer cannot say so."""

    def __init__(self, index: int, error: ItemError) -> None:
        super().__init__(f"Image {index}: {error.message}")
        self.code = error.code


_STATUS_OF_IMAGE_ERROR = {
    "file_too_large": 413,
    "image_too_large": 413,
    "not_an_image": 415,
    "unsupported_format": 415,
    "internal_error": 500,
    OutOfMemoryError.code: 503,
}
"""Statuses of a request whose images all failed with the same code."""

ANSWERS: Answers = {
    UnsupportedMediaTypeError: Answer(415),
    FileTooLargeError: Answer(413),
    RequestTooLargeError: Answer(413),
    TooManyImagesError: Answer(413),
    UploadTooSlowError: Answer(408),
    UploadError: Answer(422),
    PredictorUnavailableError: Answer(503),
    OverloadedError: Answer(503),
    DeadlineExceededError: Answer(503, retry_after_s=1),
    ModelUnavailableError: Answer(503, retry_after_s=10),
    AnswerTooLargeError: Answer(422),
    CoverageUnavailableError: Answer(409),
    PredictionError: Answer(500),
    NoCheckpointError: Answer(409),
    NoImageClassifiedError: Answer(422, status_by_code=_STATUS_OF_IMAGE_ERROR),
    ImageFailedError: Answer(422, status_by_code=_STATUS_OF_IMAGE_ERROR),
    PredictionRefusedError: Answer(422),
}
