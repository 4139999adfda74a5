"""Reads the body of an upload in pieces, within limits of time; and judges by its first bytes whether it is a zip."""

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from api.http.errors import BodyTimeoutError
from api.records.errors import EmptyUploadError, NotAZipError
from model.data.files.other_archives import describe_archive

BUFFER_BYTES = 1 << 20
_CHUNK_TIMEOUT_S = 60.0
_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")


async def read_buffers(request: Request, timeout_s: float) -> AsyncIterator[bytearray]:
    """Yield the body in pieces of about `BUFFER_BYTES`; the last one may be empty.

    Raises:
        BodyTimeoutError: no data arrives, or the body takes longer than `timeout_s`. What had arrived was yielded.
        ClientDisconnect: the body was cut short. What had arrived was yielded.
    """
    buffer, chunks, deadline = bytearray(), request.stream(), time.monotonic() + timeout_s
    try:
        while (chunk := await _next_chunk(chunks, deadline)) is not None:
            buffer += chunk
            if len(buffer) >= BUFFER_BYTES:
                yield buffer
                buffer = bytearray()
    except (BodyTimeoutError, ClientDisconnect):
        if buffer:
            yield buffer
        raise
    yield buffer


async def _next_chunk(chunks: AsyncIterator[bytes], deadline: float) -> bytes | None:
    try:
        async with asyncio.timeout(min(_CHUNK_TIMEOUT_S, deadline - time.monotonic())):
            return await anext(chunks, None)
    except TimeoutError:
        raise BodyTimeoutError(
            f"No data arrived for {_CHUNK_TIMEOUT_S:g} s, or the whole upload was too slow: send the zip again."
        ) from None


def check_signature(first: bytes | bytearray, hint: str) -> None:
    """Check the first bytes of an upload; `hint` says what to send.

    Raises:
        EmptyUploadError: there are none.
        NotAZipError: they are not those of a zip.
    """
    if not first:
        raise EmptyUploadError(f"The body is empty. {hint}")
    if not first.startswith(_SIGNATURES) and not any(known.startswith(first) for known in _SIGNATURES):
        raise NotAZipError(describe_archive(first) or f"These bytes are not a zip. {hint}")
