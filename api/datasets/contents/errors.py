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


ANSWERS: Answers = {
    NoReportError: Answer(409),
    ImageNotFoundError: Answer(404),
    UnknownClassError: Answer(422),
}
