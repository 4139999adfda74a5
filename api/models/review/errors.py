"""Errors of the review, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers
from worker.registry.errors import ReviewImageNotFoundError, ReviewImageTakenError, ReviewOffError


class NothingLabelledError(ApiError):
    """Raised when a dataset version shall be made and no image has a label."""

    code = "nothing_labelled"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No image of {name} has a label that is not used yet: confirm or correct some first "
            f"(POST /models/{name}/review/images/{{id}}, or the dashboard)."
        )


class NoOwnDatasetError(ApiError):
    """Raised when the model was trained on a built-in dataset, which has no further versions."""

    code = "built_in_dataset"

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"The model was trained on {dataset}, which is built in and cannot get images. Make a copy of your own "
            f"(ninefold datasets add built-in://{dataset}), train on the copy, and promote that model."
        )


ANSWERS: Answers = {
    NothingLabelledError: Answer(409),
    NoOwnDatasetError: Answer(409),
    ReviewImageNotFoundError: Answer(404),
    ReviewImageTakenError: Answer(409),
    ReviewOffError: Answer(404),
}
