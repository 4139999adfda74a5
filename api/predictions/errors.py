"""Errors of batch predictions, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.errors import TooFewHeldOutImagesError


class PredictionNotFoundError(ApiError):
    """Raised when there is no batch prediction with an id."""

    code = "prediction_not_found"

    def __init__(self) -> None:
        super().__init__("No batch prediction has this id, or it was deleted. GET /predictions lists them.")


class PredictionNotReadyError(ApiError):
    """Raised when the rows of a batch prediction are asked for that has not succeeded."""

    code = "prediction_not_ready"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"This batch prediction is {status}: only a succeeded one has rows. GET /predictions/{{id}}?wait_s=60 "
            "returns when it has ended."
        )


class NoThumbnailError(ApiError):
    """Raised when a row has no thumbnail."""

    code = "no_thumbnail"

    def __init__(self) -> None:
        super().__init__(
            "There is no such row, or it has no thumbnail here: those of a dataset are at /datasets/{ref}/images."
        )


class PredictionUploadsBusyError(ApiError):
    """Raised when the maximum number of zips is being uploaded already."""

    code = "uploads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} zips are being uploaded already: try again when one is done.")


ANSWERS: Answers = {
    TooFewHeldOutImagesError: Answer(409),
    PredictionNotFoundError: Answer(404),
    NoThumbnailError: Answer(404),
    PredictionNotReadyError: Answer(409),
    PredictionUploadsBusyError: Answer(503, retry_after_s=10),
}
