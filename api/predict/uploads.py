"""Reads the images of a request while its body arrives, within the limits. Does not look at the images."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from api.predict.body import ImageBody, RawBody, UploadedImage
from api.predict.errors import UnsupportedMediaTypeError, UploadTooSlowError
from api.predict.json_body import JsonBody
from api.predict.limits import UploadBudget, UploadLimits
from api.predict.multipart_body import PART_NAMES, MultipartBody

_PARSED_AT_ONCE_BYTES = 200_000
"""Larger bodies are parsed in a thread: base64 takes the event loop about 5 ms for each MB."""
_RAW_TYPES = (
    "",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # the type that curl --data-binary sends
)


@asynccontextmanager
async def uploaded_images(
    request: Request, body: ImageBody, limits: UploadLimits, budget: UploadBudget
) -> AsyncIterator[list[UploadedImage]]:
    """Provide the images of a body; its bytes count against the budget while the block runs.

    Raises:
        UploadError: the body breaks a rule, or has a Content-Encoding; raised as soon as this is known.
        OverloadedError: the budget is used up.
    """
    if (encoding := request.headers.get("content-encoding", "identity")) != "identity":
        raise UnsupportedMediaTypeError(f"Send the body without Content-Encoding ({encoding[:20]}).")
    if int(request.headers.get("content-length", 0)) > body.limit_bytes:
        raise body.too_large()
    with budget.share() as take:
        size_bytes = await _read(request, body, limits, take)
        yield await asyncio.to_thread(body.images) if size_bytes > _PARSED_AT_ONCE_BYTES else body.images()


async def _read(request: Request, body: ImageBody, limits: UploadLimits, take: Callable[[int], None]) -> int:
    """Feed the body from the request; return its size in bytes."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + limits.timeout_s
    size_bytes = 0
    try:
        async with asyncio.timeout_at(min(ends_at, loop.time() + limits.stall_s)) as timeout:
            async for chunk in request.stream():
                size_bytes += len(chunk)
                if size_bytes > body.limit_bytes:
                    raise body.too_large()
                take(len(chunk))
                body.feed(chunk)
                timeout.reschedule(min(ends_at, loop.time() + limits.stall_s))
    except TimeoutError as error:
        if loop.time() >= ends_at:
            reason = f"The body did not end within {limits.timeout_s:g} s; send fewer images per request."
        else:
            reason = f"Nothing of the body arrived for {limits.stall_s:g} s; send it again."
        raise UploadTooSlowError(reason) from error
    return size_bytes


def body_of(
    request: Request, limits: UploadLimits, json_body: Callable[[UploadLimits], ImageBody] = JsonBody
) -> ImageBody:
    """Return the empty body of the kind that the Content-Type says; raises UnsupportedMediaTypeError.

    Args:
        request: its header is read.
        limits: of the body.
        json_body: makes the body of a JSON document.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    kind = content_type.decode("latin-1").lower()
    if kind == "application/json":
        return json_body(limits)
    if kind == "multipart/form-data":
        return MultipartBody(options.get(b"boundary", b""), limits)
    if kind in _RAW_TYPES or kind.startswith("image/"):
        return RawBody(limits)
    raise UnsupportedMediaTypeError(
        "Send the image itself (curl --data-binary @cat.png), a form with parts named "
        f"{', '.join(PART_NAMES)} (curl -F file=@cat.png), or JSON with the image in base64."
    )
