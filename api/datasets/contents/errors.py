"""Errors of the reports and images of datasets."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers

_NAMED = 20


class NoReportError(ApiError):
    """Raised when a dataset has no report and no list of images."""

    code = "no_report"

    def __init__(self, *, is_built_in: bool) -> None:
        super().__init__(
            "Built-in datasets have no report and no list of images: add your own images for one."
            if is_built_in
            else "This dataset was imported by an earlier release, which wrote no report: add the same images again."
        )


class DatasetNotReadyError(ApiError):
    """Raised when a dataset is still being imported, or its import has failed."""

    code = "dataset_not_ready"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"This dataset is {status}: only a ready dataset has images and a report. GET /datasets/{{ref}}?wait_s=60 "
            "returns when the import has ended."
        )


class ImageNotFoundError(ApiError):
    """Raised when a dataset has no image with an id."""

    code = "image_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This dataset has no image with this id. GET /datasets/{ref}/images lists its images."
        )


class UnknownClassError(ApiError):
    """Raised when images of a class are asked for that the dataset does not have."""

    code = "unknown_class"

    def __init__(self, classes: Sequence[str]) -> None:
        named = ", ".join(map(repr, classes[:_NAMED]))
        more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
        message = f"This dataset has the classes {named}{more}."
        super().__init__(message, field_errors=[{"param": "class", "message": message}])


class UnknownAfterError(ApiError):
    """Raised when a list shall continue after an image that is not on it."""

    code = "invalid_request"

    def __init__(self) -> None:
        message = (
            "Pass the id of the last image that you have; it must belong to the same dataset and finding."
        )
        super().__init__(f"Correct after: {message}", field_errors=[{"param": "after", "message": message}])


ANSWERS: Answers = {
    NoReportError: Answer(409),
    DatasetNotReadyError: Answer(409),
    ImageNotFoundError: Answer(404),
    UnknownClassError: Answer(422),
    UnknownAfterError: Answer(422),
}
