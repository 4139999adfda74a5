"""Reads a JSON body under a byte cap and into a model, whatever is thrown at it; knows no route."""

import asyncio
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.http.problem import ProblemError, invalid

MAX_JSON_BYTES = 1_000_000
READ_TIMEOUT_S = 30.0
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

M = TypeVar("M", bound=BaseModel)


async def read_json(request: Request, model: type[M]) -> M:
    """The body as `model`; an empty one is `{}`.

    Raises:
        ProblemError: it is too large, not JSON, or not a `model`.
    """
    return parse(model, await _read(request))


def json_body_docs(model: type[BaseModel], **examples: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of such a body, for a route's `openapi_extra`."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def parse(model: type[M], body: bytes) -> M:
    """A body as `model`; pydantic's own parser bounds nesting and refuses what is no Unicode."""
    try:
        return model.model_validate_json(body.removeprefix(_BYTE_ORDER_MARK) or b"{}")
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False, include_context=False)) from None


async def _read(request: Request) -> bytes:
    if int(request.headers.get("content-length", 0)) > MAX_JSON_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in request.stream():
                if chunk and not body:
                    _check_type(request)
                body += chunk
                if len(body) > MAX_JSON_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise ProblemError(
            408, "upload_timeout", f"The body did not end within {READ_TIMEOUT_S:g} s: send it again."
        ) from None
    return bytes(body)


def _too_large() -> ProblemError:
    return ProblemError(
        413, "body_too_large", f"A JSON body may have {MAX_JSON_BYTES} bytes at most: send less."
    )


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(
            415, "unsupported_media_type", "Send JSON with Content-Type: application/json; use `curl --json`."
        )
