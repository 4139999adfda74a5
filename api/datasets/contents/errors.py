"""Errors of the reports and images of datasets."""

from api.errors import ApiError
from api.http.problem import Answer, Answers


class NoReportError(ApiError):
    """Raised when a dataset has no report and no list of images."""

    code = "no_report"

    def __init__(self, built_in: str | None = None) -> None:
        super().__init__(
            f"The images of {built_in} are downloaded by the workers, and have no report here. Make a dataset of your own of "
            f"them, which has one: `ninefold datasets add built-in://{built_in}`."
            if built_in
            else "This dataset was imported by an earlier release, which wrote no report: add the same images again."
        )


class ImageNotFoundError(ApiError):
    """Raised when a dataset has no image with an id."""

    code = "image_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This dataset has no image with this id. GET /datasets/{ref}/images lists its images."
        )


class UnreadableImageError(ApiError):
    """Raised when an image of a dataset shall be explained and cannot be classified."""

    code = "image_not_classified"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This image cannot be classified. {reason}")


ANSWERS: Answers = {
    UnreadableImageError: Answer(409),
    NoReportError: Answer(409),
    ImageNotFoundError: Answer(404),
}
