"""The errors of the predictor, each with the stable code that users see. Knows no HTTP status."""

from api.errors import ApiError


class PredictionError(ApiError):
    """Root of the predictor's errors; the message says what to do next."""


class PredictorUnavailableError(PredictionError):
    """Raised when the predictor process cannot be reached, or ends while it works on a request."""

    code = "predictor_unavailable"


class OverloadedError(PredictionError):
    """Raised when a request would exceed the limit on waiting images or bytes."""

    code = "overloaded"


class DeadlineExceededError(PredictionError):
    """Raised when the images of a request were not classified before its deadline."""

    code = "deadline_exceeded"


def deadline_exceeded(deadline_s: float) -> DeadlineExceededError:
    """Return the error of a request that has no answer at its deadline."""
    return DeadlineExceededError(
        f"No answer within {deadline_s:g} s; try again, with fewer images.", retry_after_s=1
    )


class ModelUnavailableError(PredictionError):
    """Raised when the files of a model cannot be read from storage."""

    code = "model_unavailable"


class CorruptModelError(PredictionError):
    """Raised when the weights of a model do not match the checksum in its manifest."""

    code = "corrupt_artifact"


class CoverageUnavailableError(PredictionError):
    """Raised when a model has not enough scores of held-out images for the coverage of a set."""

    code = "coverage_unavailable"


class OutOfMemoryError(PredictionError):
    """Raised when memory does not suffice to classify a single image with a model."""

    code = "out_of_memory"


class AnswerTooLargeError(PredictionError):
    """Raised when the scores of a request are too large for one answer."""

    code = "answer_too_large"


class InferenceFailedError(PredictionError):
    """Raised when the network fails on a batch."""

    code = "internal_error"


ERRORS_BY_CODE: dict[str, type[PredictionError]] = {
    error.code: error
    for error in (
        InferenceFailedError,
        OverloadedError,
        DeadlineExceededError,
        ModelUnavailableError,
        CorruptModelError,
        PredictorUnavailableError,
        CoverageUnavailableError,
        OutOfMemoryError,
        AnswerTooLargeError,
    )
}
"""The predictor sends the code of an error over the socket; the API raises the class that this table names."""
