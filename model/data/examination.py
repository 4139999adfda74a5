"""Decodes every image of an import, in several threads, and hashes its bytes."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from PIL import Image

from model.data.appearance.colours import Colours, measure_colours
from model.data.appearance.thumbnails import ThumbnailFile, encode_thumbnail, reduce
from model.data.archive import Source, SourceFile
from model.data.files.file_endings import is_table
from model.data.files.not_images import describe_other_file
from model.data.files.place import Place
from model.data.images import ImageFacts, inspect_image
from model.data.record import SkippedFile
from model.errors import DatasetRejectedError, ImageError, ImageTooLargeError, UnsupportedFormatError
from model.host.cpus import cpu_quota

MAX_THREADS = 4
"""Each thread may need memory for three copies of an image of 64 million pixels."""

THUMBNAILS = 2500
"""About this number of the images of an import get a thumbnail."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Appearance:
    """How an image looks."""

    thumbnail: bytes
    colours: Colours


@dataclass(frozen=True)
class ExaminedImage:
    """An image file that was decoded completely."""

    file: SourceFile
    digest: str
    """sha256 of the file's bytes, in hex."""
    size_bytes: int
    facts: ImageFacts
    colours: Colours
    thumbnail: Place
    """In the file of thumbnails of the import."""

    def read_again(self) -> bytes:
        """Return the file's bytes; raises DatasetRejectedError when they have changed since the examination."""
        data = self.file.read()
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise DatasetRejectedError(
                f"{self.file.shown_path} changed during the import: start the import again when nothing writes to the source."
            )
        return data


OnProgress = Callable[[int, int], None]
"""Is called with the number of files read so far, and of all files."""


def ignore_progress(files: int, total: int) -> None:
    """Report to nobody."""


def examine_images(
    source: Source, thumbnails: ThumbnailFile, on_progress: OnProgress = ignore_progress
) -> tuple[list[ExaminedImage], list[SkippedFile]]:
    """Decode all files except tables; return the readable images and the skipped files.

    The thumbnails of the readable images are appended to `thumbnails`.
    """
    examined: list[ExaminedImage] = []
    skipped = list(source.skipped)
    files = [file for file in source.files if not is_table(file.path)]
    examine = partial(_examine, thumbnail_share=THUMBNAILS / max(1, len(files)))
    for number, result in enumerate(_map_in_threads(examine, files), start=1):
        on_progress(number, len(files))
        if isinstance(result, SkippedFile):
            skipped.append(result)
        else:
            examined.append(result.keep(thumbnails))
    return examined, skipped


@dataclass(frozen=True)
class _Decoded:
    """An image whose thumbnail is still in memory."""

    file: SourceFile
    digest: str
    size_bytes: int
    facts: ImageFacts
    appearance: Appearance

    def keep(self, thumbnails: ThumbnailFile) -> ExaminedImage:
        """Append the thumbnail to the file of thumbnails."""
        place = thumbnails.append(self.appearance.thumbnail)
        return ExaminedImage(
            self.file, self.digest, self.size_bytes, self.facts, self.appearance.colours, place
        )


def _see(image: Image.Image) -> Appearance:
    small = reduce(image)
    return Appearance(encode_thumbnail(small), measure_colours(small))


def _examine(file: SourceFile, thumbnail_share: float) -> _Decoded | SkippedFile:
    data = None
    seen: list[Appearance] = []
    try:
        data = file.read()
        digest = hashlib.sha256(data).hexdigest()
        # The digest decides: the same images have thumbnails, whatever their order.
        is_sampled = int(digest[-8:], 16) < thumbnail_share * 2**32
        facts = inspect_image(data, with_thumbnail=is_sampled, see=lambda image: seen.append(_see(image)))
        return _Decoded(file, digest, len(data), facts, seen[-1])
    except (ImageTooLargeError, UnsupportedFormatError) as error:
        return SkippedFile(path=file.shown_path, reason=str(error))
    except ImageError as error:
        other = describe_other_file(file.path, data) if data is not None else None
        return SkippedFile(path=file.shown_path, reason=other or str(error))


def _map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results in order; only a few items are in progress at once, since each may hold a decoded image."""
    threads = min(cpu_quota(), MAX_THREADS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
