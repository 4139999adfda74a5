"""The one table from errors to HTTP problems (RFC 9457), and how a problem is answered."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import redis
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.events.hub import TooManyWatchersError
from api.http.lingering import LingeringResponse
from api.predict import predictions, uploads
from api.predictor import errors as predictor_errors
from model import errors as model_errors
from worker import errors as worker_errors

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "ninefold.request_id"
_ERRORS_LISTED = 20
_PARAM_LENGTH = 100

_log = logging.getLogger(__name__)


class ProblemError(Exception):
    """Raised when a request is refused by the HTTP face itself."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


class UnknownDatasetError(ProblemError):
    """Raised when a job asks for a dataset that is not there."""

    def __init__(self, known: Sequence[str]) -> None:
        message = f"There is no such dataset. There are: {', '.join(known)}. POST /datasets?name= adds one."
        super().__init__(422, "dataset_not_found", message, errors=[{"param": "dataset", "message": message}])


class UnknownInitModelError(ProblemError):
    """Raised when a job is to start from a model that is not there."""

    def __init__(self) -> None:
        message = "No model answers to this reference. GET /models lists all; null starts from nothing."
        super().__init__(422, "model_not_found", message, errors=[{"param": "init_from", "message": message}])


@dataclass(frozen=True)
class Answer:
    """How an error is answered."""

    status: int
    detail: str = ""
    """Instead of the error's message where that repeats the caller's words."""
    code: str = ""
    """Instead of the error's own."""
    retry_after_s: int | None = None


_REDIS_AWAY = Answer(
    503,
    "The record of jobs cannot be reached or written; nothing was lost. Try again shortly.",
    "redis_unavailable",
    2,
)
_IMAGE_STATUS = {
    "file_too_large": 413,
    "image_too_large": 413,
    "not_an_image": 415,
    "unsupported_format": 415,
    "internal_error": 500,
}
"""Of a request whose images all failed with this code."""

ANSWERS: Mapping[type[Exception], Answer] = {
    worker_errors.StoreUnavailableError: _REDIS_AWAY,
    redis.ConnectionError: _REDIS_AWAY,
    redis.TimeoutError: _REDIS_AWAY,
    worker_errors.JobNotFoundError: Answer(
        404, "No job has this id, or it was deleted. GET /jobs lists all."
    ),
    worker_errors.WrongStateError: Answer(409),
    worker_errors.PublishCommittedError: Answer(409),
    worker_errors.NothingToPublishError: Answer(409),
    TooManyWatchersError: Answer(503, retry_after_s=10),
    worker_errors.QueueFullError: Answer(503, retry_after_s=30),
    worker_errors.IdempotencyMismatchError: Answer(422),
    worker_errors.ModelNotFoundError: Answer(
        404, "No model answers to this reference. GET /models lists all."
    ),
    worker_errors.NoProductionError: Answer(
        409,
        "No version of this name is in production. PUT /models/{name}/aliases/production, or ask for {name}:latest.",
    ),
    worker_errors.ModelInUseError: Answer(409),
    worker_errors.AliasNotFoundError: Answer(
        404, "This name has no such alias. GET /models/{ref} lists those it has."
    ),
    worker_errors.DatasetNotFoundError: Answer(
        404, "No dataset has this id or name. GET /datasets lists those there are."
    ),
    worker_errors.DatasetNameTakenError: Answer(
        409, "This name belongs to another dataset, and datasets never change. Choose a new name."
    ),
    model_errors.DatasetRejectedError: Answer(422),
    model_errors.DatasetUnavailableError: Answer(
        404, "No dataset has this id or name. GET /datasets lists those there are."
    ),
    model_errors.UnfitSpecError: Answer(422),
    model_errors.StorageFullError: Answer(503, retry_after_s=60),
    model_errors.StorageError: Answer(
        503,
        "Storage cannot be read or written. GET /readyz says why; try again when it is well.",
        "storage_unavailable",
        10,
    ),
    uploads.UnsupportedMediaTypeError: Answer(415),
    uploads.FileTooLargeError: Answer(413),
    uploads.RequestTooLargeError: Answer(413),
    uploads.TooManyImagesError: Answer(413),
    uploads.UploadTooSlowError: Answer(408),
    uploads.UploadError: Answer(422),
    predictor_errors.PredictorUnavailableError: Answer(503),
    predictor_errors.OverloadedError: Answer(503),
    predictor_errors.DeadlineExceededError: Answer(503, retry_after_s=1),
    predictor_errors.ModelUnavailableError: Answer(503, retry_after_s=10),
    predictor_errors.PredictionError: Answer(500),
    predictions.NoModelError: Answer(404),
    predictions.ModelRequiredError: Answer(422),
    predictions.PredictionRefusedError: Answer(422),
}
CLOSES_CONNECTION = frozenset({408, 413, 415})
_REFUSED_UNREAD = frozenset({model_errors.StorageFullError.code})
"""With these statuses and codes the rest of the body was not read and must not be."""


def problem_of(error: Exception) -> ProblemError:
    """What is answered to an error of ours; an unknown one is our fault."""
    if isinstance(error, ProblemError):
        return error
    answer = next((ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS), None)
    if answer is None:
        return unexpected()
    code = answer.code or getattr(error, "code", "internal_error")
    is_about_images = isinstance(error, predictions.NoImageClassifiedError)
    status = _IMAGE_STATUS.get(code, answer.status) if is_about_images else answer.status
    retry_after_s = getattr(error, "retry_after_s", None) or answer.retry_after_s
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    return ProblemError(
        status, code, answer.detail or str(error), errors=getattr(error, "errors", ()), headers=headers
    )


def unexpected() -> ProblemError:
    """The answer to what should not have happened."""
    return ProblemError(
        500, "internal_error", "This is our fault and was logged. Try again, or report the request_id."
    )


def invalid(errors: Sequence[Any], *, skip: int = 0) -> ProblemError:
    """The answer to pydantic's errors; `skip` leaves out so many first parts of each place."""
    listed = [
        {
            "param": ".".join(map(str, error["loc"][skip:]))[:_PARAM_LENGTH] or "body",
            "message": _message(error),
        }
        for error in errors[:_ERRORS_LISTED]
    ]
    if errors and errors[0]["type"] == "json_invalid":
        return ProblemError(422, "invalid_json", "The body is not valid JSON: correct it.", errors=listed)
    names = ", ".join(dict.fromkeys(error["param"] for error in listed))
    return ProblemError(422, "invalid_request", f"Correct {names}: see errors.", errors=listed)


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field: leave it out."
    return str(error["msg"]).removeprefix("Value error, ")


def render(problem: ProblemError, request_id: str) -> Response:
    """Answer with a problem."""
    body: dict[str, Any] = {
        "type": f"urn:ninefold:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    headers = dict(problem.headers)
    kind = Response
    if problem.status in CLOSES_CONNECTION or problem.code in _REFUSED_UNREAD:
        headers["Connection"] = "close"
        kind = LingeringResponse
    # Escaped, so that a lone surrogate in a field's name cannot break the answer.
    return kind(json.dumps(body), problem.status, headers, MEDIA_TYPE)


async def answer_error(request: Request, error: Exception) -> Response:
    """The exception handler of every kind in the table."""
    problem = problem_of(error)
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request %s failed", request.scope[REQUEST_ID], exc_info=error)
    return render(problem, request.scope[REQUEST_ID])


async def answer_invalid(request: Request, error: Exception) -> Response:
    """The exception handler of parameters that FastAPI refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # Starlette's handlers are typed by their root
    return render(invalid(error.errors(), skip=1), request.scope[REQUEST_ID])


async def answer_http(request: Request, error: Exception) -> Response:
    """The exception handler of Starlette's own refusals: no such route, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # as above
    details = {
        404: ("not_found", "There is nothing at this address. GET /docs lists every call."),
        405: ("method_not_allowed", "This address has other methods: see the Allow header and GET /docs."),
    }
    code, detail = details.get(
        error.status_code, ("bad_request", "The request could not be read: see GET /docs.")
    )
    problem = ProblemError(error.status_code, code, detail, headers=error.headers)
    return render(problem, request.scope[REQUEST_ID])


def install(app: FastAPI) -> None:
    """Answer every error with a problem."""
    kinds: list[type[Exception]] = [ProblemError, *ANSWERS]
    for kind in kinds:
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
