"""Reads the body of an inference request: a JSON document, and behind it the binary values of the input."""

import math
from collections.abc import Iterator
from struct import Struct
from typing import Any

from pydantic import ValidationError

from api.predict.body import UploadedImage, WholeBody
from api.predict.errors import EmptyUploadError, TooManyImagesError, UploadError
from api.predict.json_body import check_json_values, decode_base64
from api.predict.limits import UploadLimits
from api.predict.open_inference.schemas import IMAGE, PIXELS, InferenceRequest, InputTensor

_LENGTH = Struct("<I")
"""Precedes each element of a binary tensor of type BYTES."""
_HELP = f"Send one input: '{IMAGE}' (BYTES, shape [N]: image files) or '{PIXELS}' (UINT8, shape [N, height, width, 3]: RGB)."
_MAX_PIXELS = 64_000_000


class InferenceBody(WholeBody):
    """The body of one request.

    Args:
        limits: of the body.
        document_bytes: length of the JSON document; `None` if it is the whole body.
    """

    def __init__(self, limits: UploadLimits, document_bytes: int | None) -> None:
        super().__init__(limits)
        self.request: InferenceRequest
        """Known after `images`."""
        self._document_bytes = document_bytes

    def images(self) -> list[UploadedImage]:
        """Parse the body and return the images of its input; raises `UploadError`."""
        size = len(self._data) if self._document_bytes is None else self._document_bytes
        if size > len(self._data):
            raise UploadError("The body is shorter than its Inference-Header-Content-Length says.")
        document = bytes(self._data[:size])
        check_json_values(document)
        self.request = _parse(document)
        tensor, binary = self.request.inputs[0], memoryview(self._data)[size:]
        if (tensor.parameters.binary_data_size or 0) != len(binary):
            raise UploadError(
                "The bytes behind the JSON document are not those that binary_data_size states."
            )
        is_binary = tensor.parameters.binary_data_size is not None
        return list(self._images(tensor, binary if is_binary else None))

    def _images(self, tensor: InputTensor, binary: memoryview | None) -> Iterator[UploadedImage]:
        if (tensor.name, tensor.datatype) == (IMAGE, "BYTES"):
            files = _binary_files(binary) if binary is not None else _base64_files(tensor.data)
            self._check_count(tensor, math.prod(tensor.shape))
            count = 0
            for count, file in enumerate(files, 1):  # noqa: B007 - the last number is the count
                yield UploadedImage(None, file if len(file) <= self._limits.image_bytes else None)
            if count != math.prod(tensor.shape):
                raise UploadError(f"The shape {tensor.shape} of '{IMAGE}' does not fit its {count} elements.")
        elif (tensor.name, tensor.datatype) == (PIXELS, "UINT8"):
            yield from self._pixels(tensor, bytes(binary) if binary is not None else _flat_bytes(tensor.data))
        else:
            raise UploadError(f"There is no input '{tensor.name}' of type {tensor.datatype}. {_HELP}")

    def _pixels(self, tensor: InputTensor, values: bytes) -> Iterator[UploadedImage]:
        *count, height, width, channels = tensor.shape if len(tensor.shape) >= 3 else (0, 0, 0)
        size = height * width * channels
        if channels != 3 or not 0 < height * width <= _MAX_PIXELS:
            raise UploadError(f"'{PIXELS}' cannot have the shape {tensor.shape}. {_HELP}")
        if len(values) != math.prod(tensor.shape):
            raise UploadError(
                f"The shape {tensor.shape} of '{PIXELS}' does not fit its {len(values)} values."
            )
        self._check_count(tensor, math.prod(count))
        for start in range(0, len(values), size):
            yield UploadedImage(None, values[start : start + size], (height, width))

    def _check_count(self, tensor: InputTensor, images: int) -> None:
        if images > self._limits.images:
            raise TooManyImagesError(self._limits.images)
        if not images:
            raise EmptyUploadError(f"The input '{tensor.name}' has no image. {_HELP}")


def _parse(document: bytes) -> InferenceRequest:
    try:
        return InferenceRequest.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:100]
        raise UploadError(
            f"The JSON document is not an inference request ({where or 'document'}: {first['type']}). {_HELP}"
        ) from error


def _binary_files(binary: memoryview) -> Iterator[bytes]:
    position = 0
    while position < len(binary):
        if position + _LENGTH.size > len(binary):
            raise UploadError(_CUT)
        (length,) = _LENGTH.unpack_from(binary, position)
        position += _LENGTH.size
        if position + length > len(binary):
            raise UploadError(_CUT)
        yield bytes(binary[position : position + length])
        position += length


_CUT = f"The elements of '{IMAGE}' are cut: each is its length (4 bytes, little-endian) and the image file."


def _base64_files(values: list[Any] | None) -> Iterator[bytes]:
    for index, text in enumerate(_flat(values)):
        if not isinstance(text, str):
            raise UploadError(f"In JSON, '{IMAGE}' takes image files as base64 strings.")
        yield decode_base64(text, f"Image {index}")


def _flat_bytes(values: list[Any] | None) -> bytes:
    try:
        return bytes(_flat(values))
    except (TypeError, ValueError) as error:
        raise UploadError(f"The values of '{PIXELS}' are whole numbers from 0 to 255.") from error


def _flat(values: list[Any] | None) -> Iterator[Any]:
    """Yield the values of nested lists in order."""
    for value in values or []:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value
