"""Parses a multipart form of images while its chunks arrive; keeps nothing on disk."""

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.predict.body import UploadedImage
from api.predict.errors import EmptyUploadError, RequestTooLargeError, TooManyImagesError, UploadError
from api.predict.limits import UploadLimits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PART_NAMES = ("file", "files", "image")
_MAX_FILENAME_CHARACTERS = 255


class MultipartBody:
    """A multipart body. A part above the limit of one image is dropped; the other parts are kept."""

    def __init__(self, boundary: bytes, limits: UploadLimits) -> None:
        self.limit_bytes = limits.request_bytes
        self._limits = limits
        self._images: list[UploadedImage] = []
        self._is_complete = False
        self._start_part()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._start_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._check_part,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        if not boundary:
            raise UploadError("The Content-Type of a form must name its boundary; let your client set it.")
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise UploadError("The boundary of the form is too long; let your client choose it.") from error

    def too_large(self) -> UploadError:
        """Return the error for a body above the limit."""
        return RequestTooLargeError(self.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        """Parse the next chunk; raises `UploadError` as soon as a part breaks a rule."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise UploadError("The body is not a well-formed multipart form.") from error

    def images(self) -> list[UploadedImage]:
        """Return the image of each part, in order; raises `UploadError` for an incomplete or empty form."""
        if not self._is_complete:
            raise UploadError("The form is incomplete: send it again, to its closing boundary.")
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

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _check_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name", b"").decode("latin-1") not in PART_NAMES:
            raise UploadError(
                f"Every part of the form must be named {', '.join(PART_NAMES)}; options belong in the query string."
            )
        if len(self._images) == self._limits.images:
            raise TooManyImagesError(self._limits.images, are_explained=self._limits.are_explained)
        if b"filename" in options:
            self._filename = options[b"filename"].decode(errors="replace")[:_MAX_FILENAME_CHARACTERS]

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._size_bytes += end - start
        if self._size_bytes <= self._limits.image_bytes:
            self._data += data[start:end]
        else:
            self._data.clear()

    def _end_part(self) -> None:
        is_kept = self._size_bytes <= self._limits.image_bytes
        self._images.append(UploadedImage(self._filename, self._data if is_kept else None))
        self._data = bytearray()

    def _end(self) -> None:
        self._is_complete = True
