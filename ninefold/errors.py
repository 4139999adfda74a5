"""The errors of the client and the command line."""

from collections.abc import Mapping, Sequence
from typing import Any


class NinefoldError(Exception):
    """Root of all errors of this package. `detail` says what went wrong and what to do next."""

    def __init__(
        self,
        detail: str,
        *,
        code: str = "error",
        status: int | None = None,
        errors: Sequence[dict[str, Any]] = (),
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        """The HTTP status code, if the error came from a response of the service."""
        self.errors = list(errors)
        """`{param, message}` of each field or image of the request that was refused."""
        self.members = dict(members or {})
        """All members of the problem document, such as the `comparison` of `not_better`."""


class UnreachableError(NinefoldError):
    """Raised when no service answers at an address."""

    def __init__(self, url: str, hint: str) -> None:
        super().__init__(f"No Ninefold service answers at {url}. {hint}", code="unreachable")


class JobFailedError(NinefoldError):
    """Raised when a job ends without a model while the caller waits for it."""

    def __init__(self, job_id: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.job_id = job_id


class DatasetRejectedError(NinefoldError):
    """Raised when no dataset is made of an upload: it was rejected, or its import was cancelled."""

    def __init__(self, name: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.name = name


class EvaluationFailedError(NinefoldError):
    """Raised when an evaluation of a model ends without a result while the caller waits for it."""

    def __init__(self, evaluation_id: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.evaluation_id = evaluation_id


class PredictionFailedError(NinefoldError):
    """Raised when a batch prediction ends without rows while the caller waits for it."""

    def __init__(self, prediction_id: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.prediction_id = prediction_id


class ModelImportFailedError(NinefoldError):
    """Raised when no model is made of a bundle: it was rejected, or its import was cancelled."""

    def __init__(self, import_id: str, detail: str, code: str) -> None:
        super().__init__(detail, code=code)
        self.import_id = import_id


class StartError(NinefoldError):
    """Raised when `ninefold up` or an upkeep command cannot start; no process is left running."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="cannot_start")
