"""Errors of the model routes, and how each is answered."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers
from worker.errors import AliasNotFoundError, ModelInUseError


class ModelFileNotFoundError(ApiError):
    """Raised when a model has no file of the requested name."""

    code = "file_not_found"

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(f"This model has no such file. It has: {', '.join(files)}.")


ANSWERS: Answers = {
    ModelFileNotFoundError: Answer(404),
    ModelInUseError: Answer(409),
    AliasNotFoundError: Answer(404, "This name has no such alias. GET /models/{ref} lists its aliases."),
}
