"""Makes pixels for the network from one image; decides which images a thread of the predictor may decode itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from api.predictor.decoding.limits import SMALL_FILE_BYTES
from api.predictor.protocol.image_data import Bytes, ImageData
from model.artifact.manifest import Preprocessing
from model.data.images import decode_image, resize_image
from model.errors import ImageTooLargeError

SMALL_PIXELS = 524_288
"""Within both limits no file that was tried took more than 0.3 s or 20 MiB; `benchmarks.serving.hostile_images` prints
what larger ones take."""


@dataclass(frozen=True)
class LargeImage:
    """An image file that only a child process may decode."""

    data: Bytes
    preprocessing: Preprocessing


class _NotSmallError(Exception):
    pass


def prepare_small(image: ImageData, preprocessing: Preprocessing) -> np.ndarray | LargeImage:
    """Return an image as HWC, uint8, with the preprocessing of training, or, undecoded, one that is not small.

    Raises:
        ImageError: the bytes are no image that can be decoded.
    """
    if image.height_width:
        height, width = image.height_width
        pixels = Image.frombytes("RGB", (width, height), bytes(image.data))
        return _resize(pixels, preprocessing)
    if len(image.data) > SMALL_FILE_BYTES:
        return LargeImage(image.data, preprocessing)
    try:
        return prepare_file(bytes(image.data), preprocessing, _refuse_many)
    except _NotSmallError:
        return LargeImage(image.data, preprocessing)


def prepare_file(
    data: bytes, preprocessing: Preprocessing, before_pixels: Callable[[int], object]
) -> np.ndarray:
    """Return an image file as HWC, uint8, with the preprocessing of training; raises ImageError.

    Args:
        data: the contents of the file.
        preprocessing: of the model.
        before_pixels: is called once with the number of pixels that decoding will hold in memory, before it begins.
    """
    rgb = decode_image(
        data,
        image_size=preprocessing.image_size,
        sample_bits=preprocessing.sample_bits,
        before_pixels=before_pixels,
    )
    return _resize(rgb, preprocessing)


def _refuse_many(pixels: int) -> None:
    if pixels > SMALL_PIXELS:
        raise _NotSmallError


def _resize(rgb: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    try:
        return resize_image(rgb, preprocessing.image_size, preprocessing.resize)
    except MemoryError as error:
        raise ImageTooLargeError(
            "There is not enough memory for this image at the moment: send a smaller copy."
        ) from error
