"""Reads the images of an upload as they stream in, under every cap; judges no image and keeps nothing on disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from api.errors import ApiError
from api.predictor.errors import OverloadedError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PART_NAMES = ("file", "files", "image")
_RAW_TYPES = (
    "",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
)  # the last: curl --data-binary
_MAX_FILENAME_CHARACTERS = 255


class UploadError(ApiError):
    """Root of the ways an upload is refused; the message says what to do next."""

    code = "malformed_upload"


class UnsupportedMediaTypeError(UploadError):
    """Raised when the Content-Type says that the body is no image."""

    code = "unsupported_media_type"


class EmptyUploadError(UploadError):
    """Raised when an upload holds no image at all."""

    code = "empty_upload"


class FileTooLargeError(UploadError):
    """Raised when one file is over the cap."""

    code = "file_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"An image may have {limit_bytes} bytes at most; send a smaller or more compressed one."
        )
        self.limit_bytes = limit_bytes


class RequestTooLargeError(UploadError):
    """Raised when a whole request is over the cap."""

    code = "request_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"A request may have {limit_bytes} bytes at most; send the images in several requests."
        )
        self.limit_bytes = limit_bytes


class TooManyImagesError(UploadError):
    """Raised when a request holds more images than the cap."""

    code = "too_many_images"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A request may have {limit} images at most; send them in several requests.")
        self.limit = limit


class UploadTooSlowError(UploadError):
    """Raised when a body does not end in time."""

    code = "upload_timeout"


@dataclass(frozen=True)
class UploadLimits:
    """How much one request may bring."""

    image_bytes: int = 20_000_000
    request_bytes: int = 100_000_000
    images: int = 64
    timeout_s: float = 120.0


@dataclass(frozen=True)
class UploadedImage:
    """One file as it came; `data` is `None` when it was over the cap and dropped."""

    filename: str | None
    data: bytes | None


class UploadBudget:
    """Bounds the bytes of all uploads in memory together; each takes its share as it arrives."""

    def __init__(self, total_bytes: int = 256_000_000) -> None:
        self._free_bytes = total_bytes

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """What takes bytes for as long as the block runs, and raises `OverloadedError` if not so many are left."""
        taken_bytes = 0

        def take(size_bytes: int) -> None:
            nonlocal taken_bytes
            if size_bytes > self._free_bytes:
                raise OverloadedError("Too many uploads are under way; try again in 1 s.", retry_after_s=1)
            self._free_bytes -= size_bytes
            taken_bytes += size_bytes

        try:
            yield take
        finally:
            self._free_bytes += taken_bytes


@asynccontextmanager
async def received_images(
    request: Request, limits: UploadLimits, budget: UploadBudget
) -> AsyncIterator[list[UploadedImage]]:
    """The images of a raw or multipart body, which count against the budget while the block runs.

    Raises:
        UploadError: one of its subclasses, as soon as the fault is seen.
        OverloadedError: the budget is used up.
    """
    body = _body_of(request, limits)
    if int(request.headers.get("content-length", 0)) > body.limit_bytes:
        raise body.too_large()
    with budget.share() as take:
        try:
            async with asyncio.timeout(limits.timeout_s):
                await _read(request, body, take)
        except TimeoutError as error:
            raise UploadTooSlowError(
                f"The body did not end within {limits.timeout_s:g} s; send less at once."
            ) from error
        yield body.images()


async def _read(request: Request, body: "_RawBody | _MultipartBody", take: Callable[[int], None]) -> None:
    size_bytes = 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes > body.limit_bytes:
            raise body.too_large()
        take(len(chunk))
        body.feed(chunk)


def _body_of(request: Request, limits: UploadLimits) -> "_RawBody | _MultipartBody":
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    kind = content_type.decode("latin-1").lower()
    if kind == "multipart/form-data":
        return _MultipartBody(options.get(b"boundary", b""), limits)
    if kind in _RAW_TYPES or kind.startswith("image/"):
        return _RawBody(limits)
    raise UnsupportedMediaTypeError(
        "Send the image itself (curl --data-binary @cat.png) or a form with parts named "
        f"{', '.join(PART_NAMES)} (curl -F file=@cat.png)."
    )


class _RawBody:
    """A body that is one image."""

    def __init__(self, limits: UploadLimits) -> None:
        self.limit_bytes = limits.image_bytes
        self._data = bytearray()  # as a list, many tiny chunks would take far more than their bytes

    def too_large(self) -> UploadError:
        return FileTooLargeError(self.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        self._data += chunk

    def images(self) -> list[UploadedImage]:
        if not self._data:
            raise EmptyUploadError(
                "The body is empty: send one image (curl --data-binary @cat.png) or several (curl -F files=@…)."
            )
        return [UploadedImage(None, bytes(self._data))]


class _MultipartBody:
    """A multipart body; a part over the cap is dropped, and the rest goes on."""

    def __init__(self, boundary: bytes, limits: UploadLimits) -> None:
        self.limit_bytes = limits.request_bytes
        self._limits = limits
        self._images: list[UploadedImage] = []
        self._is_complete = False
        self._start_part()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._start_part,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._check_part,
            "on_part_data": self._on_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        if not boundary:
            raise UploadError("The Content-Type of a form must name its boundary; let your client set it.")
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise UploadError("The form's boundary is too long; let your client choose it.") from error

    def too_large(self) -> UploadError:
        return RequestTooLargeError(self.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise UploadError("The body is not a well-formed multipart form.") from error

    def images(self) -> list[UploadedImage]:
        if not self._is_complete:
            raise UploadError("The form ends in the middle; send it again, whole.")
        if not self._images:
            raise EmptyUploadError(f"The form has no image: add a part named {PART_NAMES[0]}.")
        return self._images

    def _start_part(self) -> None:
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._filename: str | None = None
        self._data = bytearray()
        self._size_bytes = 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _check_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name", b"").decode("latin-1") not in PART_NAMES:
            raise UploadError(
                f"A part has another name than {', '.join(PART_NAMES)}; options belong in the query string."
            )
        if len(self._images) == self._limits.images:
            raise TooManyImagesError(self._limits.images)
        if b"filename" in options:
            self._filename = options[b"filename"].decode(errors="replace")[:_MAX_FILENAME_CHARACTERS]

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._size_bytes += end - start
        if self._size_bytes <= self._limits.image_bytes:
            self._data += data[start:end]
        else:
            self._data.clear()

    def _end_part(self) -> None:
        is_kept = self._size_bytes <= self._limits.image_bytes
        self._images.append(UploadedImage(self._filename, bytes(self._data) if is_kept else None))
        self._data = bytearray()

    def _end(self) -> None:
        self._is_complete = True
