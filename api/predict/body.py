"""A request body that contains images: the interface of every kind of body, and the body that is one image file."""

from dataclasses import dataclass
from typing import Protocol

from api.predict.errors import EmptyUploadError, FileTooLargeError, RequestTooLargeError, UploadError
from api.predict.limits import UploadLimits


@dataclass(frozen=True)
class UploadedImage:
    """One uploaded file; `data` is `None` if the file was larger than the limit and was dropped."""

    filename: str | None
    data: bytes | bytearray | None
    height_width: tuple[int, int] | None = None
    """If `data` holds RGB pixels instead of a file."""


class ImageBody(Protocol):
    """Collects the images of a request body from its chunks."""

    limit_bytes: int
    """Largest allowed size of the whole body."""

    def too_large(self) -> UploadError:
        """Return the error for a body above `limit_bytes`."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Add the next chunk of the body; raises `UploadError`."""
        ...

    def images(self) -> list[UploadedImage]:
        """Return the images once the whole body was fed; raises `UploadError`."""
        ...


class WholeBody:
    """A body that is looked at once all of it has arrived."""

    def __init__(self, limits: UploadLimits) -> None:
        self.limit_bytes = limits.request_bytes
        self._limits = limits
        self._data = bytearray()  # a list of many tiny chunks would take far more memory than their bytes

    def too_large(self) -> UploadError:
        """Return the error for a body above the limit."""
        return RequestTooLargeError(self.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        """Add the next chunk."""
        self._data += chunk


class RawBody(WholeBody):
    """A body that is one image file."""

    def __init__(self, limits: UploadLimits) -> None:
        super().__init__(limits)
        self.limit_bytes = limits.image_bytes

    def too_large(self) -> UploadError:
        """Return the error for a file above the limit."""
        return FileTooLargeError(self.limit_bytes)

    def images(self) -> list[UploadedImage]:
        """Return the file as the only image; raises `EmptyUploadError` if it has no bytes."""
        if not self._data:
            raise EmptyUploadError(
                "The body is empty: send one image (curl --data-binary @cat.png) or several (curl -F files=@…)."
            )
        return [UploadedImage(None, self._data)]
