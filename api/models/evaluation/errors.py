"""Errors of the evaluations of models, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.errors import CorruptArtifactError, NoEvaluationError


class EvaluationNotFoundError(ApiError):
    """Raised when a model has no evaluation with an id."""

    code = "evaluation_not_found"

    def __init__(self) -> None:
        super().__init__(
            "This model has no evaluation with this id. GET /models/{ref}/evaluations lists its evaluations."
        )


class EvaluationNotReadyError(ApiError):
    """Raised when the images of an evaluation are asked for that has not ended, or has failed."""

    code = "evaluation_not_ready"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"This evaluation is {status}: only a succeeded one has images. GET "
            "/models/{ref}/evaluations/{id}?wait_s=60 returns when it has ended."
        )


ANSWERS: Answers = {
    NoEvaluationError: Answer(404),
    EvaluationNotFoundError: Answer(404),
    EvaluationNotReadyError: Answer(409),
    CorruptArtifactError: Answer(500),
}
