"""The images that are classified, in a fixed order: those of a dataset's split, or of a zip."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.artifact.manifest import Preprocessing
from model.batch_prediction.rows import RowError
from model.data.appearance.thumbnails import encode_thumbnail, reduce
from model.data.archive import ImportLimits, open_source
from model.data.files.not_images import describe_other_file
from model.data.images import decode_image, resize_image
from model.data.pixel_budget import PixelBudget
from model.data.prepared.dataset import PreparedSplit
from model.errors import (
    DatasetRejectedError,
    ImageError,
    ImagesRejectedError,
    ImageTooLargeError,
    UnsupportedFormatError,
)

_LIMITS = ImportLimits()


@dataclass(frozen=True)
class ReadImage:
    """One file of a batch: its pixels, or why there are none."""

    file: str | None = None
    image: str | None = None
    pixels_HWC: NDArray[np.uint8] | None = None  # noqa: N815 - the shape
    """uint8, as the network takes it."""
    error: RowError | None = None
    thumbnail: bytes = b""


class ImageSource(Protocol):
    """Images with numbers from 0."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def read(self, start: int, end: int) -> list[ReadImage]:
        """Read the images with these numbers."""
        ...


class DatasetImages:
    """The images of some splits of a dataset, which are prepared for the model."""

    def __init__(self, splits: Sequence[PreparedSplit]) -> None:
        self._splits = splits

    def __len__(self) -> int:
        return sum(len(split.images) for split in self._splits)

    def read(self, start: int, end: int) -> list[ReadImage]:
        """Read the images with these numbers; raises StorageError."""
        found = []
        for split in self._splits:
            rows = np.arange(max(start, 0), min(end, len(split.images)))
            if len(rows):
                images_NHWC = split.images.read(rows)
                ids = split.ids_N[rows].tolist()
                found += [
                    ReadImage(image=one, pixels_HWC=pixels_HWC)
                    for one, pixels_HWC in zip(ids, images_NHWC, strict=True)
                ]
            start, end = start - len(split.images), end - len(split.images)
        return found


@dataclass(frozen=True)
class _ZipFile:
    path: str
    read: Callable[[], bytes] | None
    reason: str = ""
    """Why it is not read."""


class ZipImages:
    """The files of a zip, by path. A file that is no image has an error."""

    def __init__(self, files: Sequence[_ZipFile], preprocessing: Preprocessing, threads: Executor) -> None:
        self._files = files
        self._preprocessing = preprocessing
        self._threads = threads
        self._budget = PixelBudget()

    def __len__(self) -> int:
        return len(self._files)

    def read(self, start: int, end: int) -> list[ReadImage]:
        """Read the images with these numbers."""
        return list(self._threads.map(self._read, self._files[start:end]))

    def _read(self, file: _ZipFile) -> ReadImage:
        if file.read is None:
            return ReadImage(file.path, error=RowError(code=ImageError.code, message=file.reason))
        try:
            return self._decode(file.path, file.read())
        except ImageError as error:
            return ReadImage(file.path, error=RowError(code=error.code, message=str(error)))

    def _decode(self, path: str, data: bytes) -> ReadImage:
        preprocessing = self._preprocessing
        size = preprocessing.image_size
        with self._budget.share() as take:
            try:
                rgb = decode_image(
                    data, image_size=size, sample_bits=preprocessing.sample_bits, before_pixels=take
                )
            except (UnsupportedFormatError, ImageTooLargeError):
                raise
            except ImageError as error:
                raise ImageError(describe_other_file(path, data) or str(error)) from error
            pixels_HWC = resize_image(rgb, size, preprocessing.resize)
            return ReadImage(path, pixels_HWC=pixels_HWC, thumbnail=encode_thumbnail(reduce(rgb)))


@contextmanager
def open_zip(path: Path, preprocessing: Preprocessing, threads: Executor) -> Iterator[ZipImages]:
    """Provide the files of a zip; raises ImagesRejectedError when it is none, or is hostile or too large."""
    with ExitStack() as stack:
        try:
            source = stack.enter_context(open_source(path, _LIMITS))
        except DatasetRejectedError as error:
            raise ImagesRejectedError(str(error)) from error
        files = [_ZipFile(file.shown_path, file.read) for file in source.files]
        files += [_ZipFile(file.path, None, file.reason) for file in source.skipped]
        yield ZipImages(sorted(files, key=lambda file: file.path), preprocessing, threads)
