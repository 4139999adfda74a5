"""Reads a JSON body of limited size and validates it. Knows no route."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from api.http.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
    validation_error,
)

MAX_JSON_BYTES = 1_000_000
READ_TIMEOUT_S = 30.0
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

M = TypeVar("M", bound=BaseModel)
N = TypeVar("N", bound=BaseModel)


async def read_json(request: Request, model: type[M], max_bytes: int = MAX_JSON_BYTES) -> M:
    """Read the request's body as `model`; an empty body counts as `{}`.

    Raises:
        ApiError: the body is too large, too slow, not JSON, or not a valid `model`.
    """
    return parse(model, await _read(request, max_bytes))


async def read_json_by_key(
    request: Request, by_key: Mapping[str, type[M]], without: type[N], max_bytes: int = MAX_JSON_BYTES
) -> M | N:
    """Read the request's body as the first model whose key it has, if it is an object, else as `without`; see `read_json`."""
    body = await _read(request, max_bytes)
    try:
        given = json.loads(body)
        keys = [key for key in by_key if given.get(key) is not None]
    except (ValueError, AttributeError, RecursionError):
        keys = []
    return parse(by_key[keys[0]], body) if keys else parse(without, body)


def json_body_docs(
    model: type[BaseModel], *others: type[BaseModel], **examples: dict[str, Any]
) -> dict[str, Any]:
    """Describe a JSON body of one of several models for OpenAPI, as the `openapi_extra` of a route that reads it."""
    schemas = [{"$ref": f"#/components/schemas/{one.__name__}"} for one in (model, *others)]
    content = {
        "schema": {"anyOf": schemas} if others else schemas[0],
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def parse(model: type[M], body: bytes) -> M:
    """Parse a body with pydantic's own JSON parser, which limits nesting and refuses invalid Unicode."""
    try:
        return model.model_validate_json(body.removeprefix(_BYTE_ORDER_MARK) or b"{}")
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise validation_error(details, fields=model.model_fields) from None


def content_type(request: Request) -> str:
    """Return the media type of the request's body in lower case, without parameters; empty if not given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(request: Request, max_bytes: int) -> bytes:
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in request.stream():
                if chunk and not body:
                    _check_type(request)
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise BodyTimeoutError(f"The body did not end within {READ_TIMEOUT_S:g} s: send it again.") from None
    return bytes(body)


def _too_large(max_bytes: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"A JSON body may have {max_bytes} bytes at most: send less.")


def _check_type(request: Request) -> None:
    if content_type(request) != "application/json":
        raise UnsupportedMediaTypeError("Send JSON with Content-Type: application/json; use `curl --json`.")
