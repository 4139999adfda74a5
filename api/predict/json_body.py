"""A JSON body whose images are in base64, as `data:` URLs or bare."""

from base64 import b64decode
from binascii import Error as Base64Error

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.predict.body import UploadedImage, WholeBody
from api.predict.errors import EmptyUploadError, TooManyImagesError, UploadError

_MAX_VALUES = 2_000_000
"""The parser holds the interpreter for 0.1 µs a value, in a thread too, and takes 90 bytes for it."""
_WHITESPACE = b" \t\r\n\f\v"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_HELP = """{"image": "data:image/png;base64,…"}, or {"images": […]} for several; options belong in the query string"""


class ImagesDocument(BaseModel):
    """One image or several, each a file in base64: as a `data:` URL, or without its head."""

    model_config = ConfigDict(extra="forbid")

    image: str | None = Field(None, description="One image file in base64, or as a `data:` URL.")
    images: list[str] = Field([], description="Several such files.")

    def files(self) -> list[str]:
        """Return all images, in order."""
        return [*([] if self.image is None else [self.image]), *self.images]


class JsonBody(WholeBody):
    """A JSON document such as `{"image": "data:image/png;base64,…"}`."""

    def images(self) -> list[UploadedImage]:
        """Return the images; raises `UploadError`."""
        check_json_values(self._data)
        files = self.parse(bytes(self._data))
        if not files:
            raise EmptyUploadError(f"The document has no image: send {_HELP}.")
        if len(files) > self._limits.images:
            raise TooManyImagesError(self._limits.images, are_explained=self._limits.are_explained)
        return [self._image(index, file) for index, file in enumerate(files)]

    def parse(self, document: bytes) -> list[str]:
        """Return the images of the document, in base64; raises `UploadError`."""
        try:
            return ImagesDocument.model_validate_json(document).files()
        except ValidationError as error:
            raise UploadError(f"The JSON document is not understood: send {_HELP}.") from error

    def _image(self, index: int, text: str) -> UploadedImage:
        data = decode_base64(text, f"Image {index}")
        return UploadedImage(None, data if len(data) <= self._limits.image_bytes else None)


def check_json_values(document: bytes | bytearray) -> None:
    """Raise UploadError for a document with more values than are parsed beside other requests."""
    if document.count(b",") >= _MAX_VALUES:
        raise UploadError(
            f"A JSON document may have {_MAX_VALUES:,} values at most: send image files in base64, or pixels as binary data."
        )


def decode_base64(text: str, what: str) -> bytes:
    """Return the bytes of a file in base64, of either alphabet, with or without the head of a `data:` URL; raises UploadError."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        letters = encoded.encode().translate(_URL_SAFE, _WHITESPACE)
        return b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except (Base64Error, ValueError) as error:
        raise UploadError(
            f"{what} is not base64: encode the bytes of the image file (base64 cat.png)."
        ) from error
