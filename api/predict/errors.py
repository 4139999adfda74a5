"""How the errors of predictions are answered."""

from api.http.problem import Answer, Answers
from api.predict.predictions import (
    ModelRequiredError,
    NoImageClassifiedError,
    NoModelError,
    PredictionRefusedError,
)
from api.predict.uploads import (
    FileTooLargeError,
    RequestTooLargeError,
    TooManyImagesError,
    UnsupportedMediaTypeError,
    UploadError,
    UploadTooSlowError,
)
from api.predictor.errors import (
    DeadlineExceededError,
    ModelUnavailableError,
    OverloadedError,
    PredictionError,
    PredictorUnavailableError,
)

_IMAGE_STATUSES = {
    "file_too_large": 413,
    "image_too_large": 413,
    "not_an_image": 415,
    "unsupported_format": 415,
    "internal_error": 500,
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
    PredictionError: Answer(500),
    NoModelError: Answer(404),
    ModelRequiredError: Answer(422),
    NoImageClassifiedError: Answer(422, status_by_code=_IMAGE_STATUSES),
    PredictionRefusedError: Answer(422),
}
