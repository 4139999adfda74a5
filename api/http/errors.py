"""Errors of reading a request, whichever feature it is for, and how each is answered."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from api.errors import ApiError
from api.http.problem import Answer, Answers

_ERRORS_LISTED = 20
_PARAM_LENGTH = 100


class BodyTooLargeError(ApiError):
    """Raised when a request body is larger than its limit."""

    code = "body_too_large"


class BodyTimeoutError(ApiError):
    """Raised when a request body does not arrive in time."""

    code = "upload_timeout"


class TooManyConnectionsError(ApiError):
    """Raised when a client connects while this process has as many connections as it may have."""

    code = "too_many_connections"

    def __init__(self) -> None:
        super().__init__("The service has as many connections as it may have: try again in a moment.")


class HeadTooLargeError(ApiError):
    """Raised when the headers of a request are larger than the limit."""

    code = "head_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The headers of a request may have {limit_bytes} bytes at most: send fewer.")


class UnsupportedMediaTypeError(ApiError):
    """Raised when the Content-Type of a request is not one that the route accepts."""

    code = "unsupported_media_type"


class InvalidJsonError(ApiError):
    """Raised when a request body is not valid JSON."""

    code = "invalid_json"


class InvalidRequestError(ApiError):
    """Raised when a parameter or a field of the body has an invalid value."""

    code = "invalid_request"


def invalid_field(param: str, message: str) -> InvalidRequestError:
    """Return the error for one wrong field, parameter or header."""
    return invalid_fields([param], message)


def invalid_fields(params: Iterable[str], message: str) -> InvalidRequestError:
    """Return the error for several fields that are wrong for the same reason."""
    listed = [param[:_PARAM_LENGTH] for param in params][:_ERRORS_LISTED]
    return InvalidRequestError(
        f"Correct {', '.join(listed)}: {message}",
        field_errors=[{"param": param, "message": message} for param in listed],
    )


ANSWERS: Answers = {
    BodyTooLargeError: Answer(413),
    BodyTimeoutError: Answer(408),
    TooManyConnectionsError: Answer(503, retry_after_s=2, headers={"Connection": "close"}),
    HeadTooLargeError: Answer(431, headers={"Connection": "close"}),
    UnsupportedMediaTypeError: Answer(415),
    InvalidJsonError: Answer(422),
    InvalidRequestError: Answer(422),
}


def validation_error(errors: Sequence[Any], *, skip: int = 0, fields: Collection[str] = ()) -> ApiError:
    """Make one error from pydantic's list of errors.

    Args:
        errors: pydantic's `ValidationError.errors()`.
        skip: number of leading parts of each location to leave out of `param`, such as `query`.
        fields: the known fields of a body, among which the nearest to a misspelled one is named.
    """
    listed = [
        {
            "param": ".".join(map(str, error["loc"][skip:]))[:_PARAM_LENGTH] or "body",
            "message": _message(error, fields),
        }
        for error in errors[:_ERRORS_LISTED]
    ]
    if errors and errors[0]["type"] == "json_invalid":
        return InvalidJsonError("The body is not valid JSON: correct it.", field_errors=listed)
    names = ", ".join(dict.fromkeys(error["param"] for error in listed))
    return InvalidRequestError(f"Correct {names}: see errors.", field_errors=listed)


def nearest_name(name: str, known: Collection[str]) -> str:
    """End a sentence about an unknown name with the most similar known name, or with what to do without one."""
    nearest = get_close_matches(name[:_PARAM_LENGTH], known, n=1)
    return f": did you mean {nearest[0]}?" if nearest else ": leave it out."


def _message(error: Any, fields: Collection[str]) -> str:
    if error["type"] == "extra_forbidden":
        return f"There is no such field{nearest_name(str(error['loc'][-1]), fields)}"
    return str(error["msg"]).removeprefix("Value error, ")
