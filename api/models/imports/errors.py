"""Errors of the imports of models, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers


class ModelImportNotFoundError(ApiError):
    """Raised when there is no import of a model with an id."""

    code = "model_import_not_found"

    def __init__(self) -> None:
        super().__init__("No import of a model has this id, or it was deleted.")


class ModelImportsBusyError(ApiError):
    """Raised when the maximum number of bundles is being uploaded already."""

    code = "uploads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} bundles are being uploaded already: try again when one is done.")


ANSWERS: Answers = {
    ModelImportNotFoundError: Answer(404),
    ModelImportsBusyError: Answer(503, retry_after_s=10),
}
