"""Errors of the model routes, and how each is answered."""

from collections.abc import Sequence

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.comparison.description import describe
from model.comparison.result import Comparison
from worker.errors import AliasMovedError
from worker.registry.errors import AliasNotFoundError, ModelInUseError, NothingToRollBackToError

_SHOWN_CLASSES = 20


class ModelFileNotFoundError(ApiError):
    """Raised when a model has no file of the requested name."""

    code = "file_not_found"

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(f"This model has no such file. It has: {', '.join(files)}.")


class NotBetterError(ApiError):
    """Raised when a version shall be promoted if it is better, and is not. The problem has the numbers."""

    code = "not_better"

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(
            f"{describe(comparison)} Nothing was changed; leave out if_better to promote it anyway.",
            members={"comparison": comparison.model_dump(mode="json")},
        )


class NoCommonTestSetError(ApiError):
    """Raised when two models cannot be compared."""

    code = "no_common_test_set"

    def __init__(self, why: str, comparison: Comparison | None = None) -> None:
        shown = comparison and comparison.model_dump(mode="json")
        super().__init__(
            f"{why} Nothing was changed; leave out if_better to promote without a comparison.",
            members={"comparison": shown},
        )


class UnknownClassesError(ApiError):
    """Raised when a least score is for a class that the model does not have."""

    code = "unknown_class"

    def __init__(self, unknown: Sequence[str], classes: Sequence[str]) -> None:
        shown = ", ".join(classes[:_SHOWN_CLASSES]) + (", …" if len(classes) > _SHOWN_CLASSES else "")
        super().__init__(
            f"min_scores names classes that this version does not have. It has: {shown}; * stands for every class that "
            "is not named.",
            field_errors=[
                {"param": f"min_scores.{label[:64]}", "message": "the version has no such class"}
                for label in unknown[:_SHOWN_CLASSES]
            ],
        )


class NoShadowError(ApiError):
    """Raised when a name has no version in production, or no shadow beside it."""

    code = "no_shadow"

    def __init__(self) -> None:
        super().__init__(
            "This name has no shadow to compare: it needs a version in production, and another with the alias shadow. "
            "PUT /models/{name}/aliases/shadow makes one."
        )


class NoSuchDisagreementError(ApiError):
    """Raised when the image of a disagreement is not kept."""

    code = "image_not_found"

    def __init__(self) -> None:
        super().__init__(
            "No such image of a disagreement is kept: NINEFOLD_SHADOW_KEEP_IMAGES says how many are, and the oldest go first."
        )


class DownloadsBusyError(ApiError):
    """Raised when the maximum number of files is being sent already."""

    code = "downloads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} files are being downloaded already: try again when one is done.")


ANSWERS: Answers = {
    DownloadsBusyError: Answer(503, retry_after_s=10),
    ModelFileNotFoundError: Answer(404),
    ModelInUseError: Answer(409),
    NoShadowError: Answer(404),
    NoSuchDisagreementError: Answer(404),
    UnknownClassesError: Answer(422),
    NotBetterError: Answer(409),
    NoCommonTestSetError: Answer(409),
    AliasMovedError: Answer(409),
    NothingToRollBackToError: Answer(409),
    AliasNotFoundError: Answer(404, "This name has no such alias. GET /models/{ref} lists its aliases."),
}
