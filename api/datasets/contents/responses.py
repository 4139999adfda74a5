"""Writes the answers that are no JSON: images and the list of skipped files."""

from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.datasets.contents.reader import ContentsReader, Found
from api.http.csv_text import csv_lines
from model.data.record import SkippedFile
from model.data.report.reading import IndexedImage

_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


async def image_response(
    request: Request, reader: ContentsReader, dataset: Found, image: IndexedImage, *, is_thumbnail: bool
) -> Response:
    """Answer with the thumbnail or the uploaded bytes of an image, or 304 if the client has it.

    The bytes were uploaded by anybody: a browser must not run anything in them. Every answer of the service forbids
    browsers to guess another type.
    """
    headers = {
        "ETag": f'"{image.id}{"-thumbnail" if is_thumbnail else ""}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if is_thumbnail:
        return Response(await reader.thumbnail(dataset, image), headers=headers, media_type="image/webp")
    chunks = reader.original(dataset, image)
    first = await anext(chunks)  # an error of storage is answered before the body begins
    headers["Content-Length"] = str(image.original.length)
    media_type = _TYPES.get(image.format, "application/octet-stream")
    return StreamingResponse(_joined(first, chunks), headers=headers, media_type=media_type)


async def skipped_response(reader: ContentsReader, dataset: Found) -> Response:
    """Answer with all skipped files as CSV."""
    files = reader.skipped(dataset)
    first = csv_lines([["path", "reason"]]) + _csv(await anext(files, []))
    headers = {"Vary": "Accept", "Content-Disposition": f'attachment; filename="{dataset.id}-skipped.csv"'}
    return StreamingResponse(_joined(first, _csv_of(files)), headers=headers, media_type="text/csv")


async def _joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in others:
        yield chunk


async def _csv_of(files: AsyncIterator[list[SkippedFile]]) -> AsyncIterator[bytes]:
    async for some in files:
        yield _csv(some)


def _csv(files: Sequence[SkippedFile]) -> bytes:
    return csv_lines((file.path, file.reason) for file in files)
