"""The exception handlers of the app: every error leaves it as a problem."""

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.http.errors import validation_error
from api.http.problem import REQUEST_ID, Answer, Answers, problem_response, unexpected_problem

_HTTP_PROBLEMS = {
    404: ("not_found", "There is nothing at this address. GET /docs lists every call."),
    405: ("method_not_allowed", "This address has other methods: see the Allow header and GET /docs."),
}
_OTHER_HTTP_PROBLEM = ("bad_request", "The request could not be read: see GET /docs.")

_log = logging.getLogger(__name__)


class ErrorHandlers:
    """Answers errors by a table from error classes to answers."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def install(self, app: FastAPI) -> None:
        """Register a handler for every error class of the table, and for FastAPI's and Starlette's own errors."""
        for kind in self._answers:
            app.add_exception_handler(kind, self.answer)
        app.add_exception_handler(RequestValidationError, answer_invalid_parameters)
        app.add_exception_handler(HTTPException, answer_http_exception)

    async def answer(self, request: Request, error: Exception) -> Response:
        """Answer an error of the table."""
        request_id = request.scope[REQUEST_ID]
        answer = next((self._answers[kind] for kind in type(error).__mro__ if kind in self._answers), None)
        response = problem_response(error, answer, request_id) if answer else unexpected_problem(request_id)
        if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request %s failed", request_id, exc_info=error)
        return response


async def answer_invalid_parameters(request: Request, error: Exception) -> Response:
    """Answer parameters that FastAPI refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # Starlette types every handler by the root class
    # The first part of each location is `query`, `path`, `header` or `body`.
    invalid = validation_error(error.errors(), skip=1)
    return problem_response(invalid, Answer(422), request.scope[REQUEST_ID])


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer Starlette's own errors: no such route, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # as above
    code, detail = _HTTP_PROBLEMS.get(error.status_code, _OTHER_HTTP_PROBLEM)
    answer = Answer(error.status_code, detail, code, headers=error.headers or {})
    return problem_response(error, answer, request.scope[REQUEST_ID])
