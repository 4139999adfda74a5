"""Every way a prediction can fail, each with the stable code that users see; knows no HTTP status."""

from api.errors import ApiError


class PredictionError(ApiError):
    """Root of the predictor's errors; the message says what to do next."""


class PredictorUnavailableError(PredictionError):
    """Raised when the predictor process cannot be reached, or dies with a request in flight."""

    code = "predictor_unavailable"


class OverloadedError(PredictionError):
    """Raised at admission, when more images wait than may."""

    code = "overloaded"


class DeadlineExceededError(PredictionError):
    """Raised when an image was not classified in the time that its request gave."""

    code = "deadline_exceeded"


class ModelUnavailableError(PredictionError):
    """Raised when a model's files cannot be read from storage."""

    code = "model_unavailable"


class CorruptModelError(PredictionError):
    """Raised when a model's weights are not those that its manifest names."""

    code = "corrupt_artifact"


class InferenceFailedError(PredictionError):
    """Raised when the network itself fails on a batch."""

    code = "internal_error"


REFUSALS: dict[str, type[PredictionError]] = {
    error.code: error
    for error in (
        InferenceFailedError,
        OverloadedError,
        DeadlineExceededError,
        ModelUnavailableError,
        CorruptModelError,
        PredictorUnavailableError,
    )
}
"""The predictor names an error by its code on the wire; the API raises it again by this table."""
