"""A file of images of one size, which are read by their positions. Imports no torch.

The file is read, not mapped: a process then holds the images that it asked for and no others, whatever the kernel caches,
and a failing disk raises an error where a map would end the process with SIGBUS.
"""
# ruff: noqa: N803 - shapes in names: rows_N

import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from model.errors import StorageError

_CHUNK_BYTES = 8 << 20
"""Images that are visited one after the other are read in chunks of this size."""
_ZEROS = bytes(1 << 20)


class ImageFile:
    """An open `.npy` file of uint8 images, NHWC. Stays readable when the file is deleted.

    While it is open it holds a shared lock (flock), which ends with the process at the latest: the cache
    deletes no file that is open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            npy.read_magic(file)
            self.shape: tuple[int, ...] = npy.read_array_header_1_0(file)[0]
            self._begin = file.tell()
        self._image_bytes = int(np.prod(self.shape[1:]))
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @property
    def is_in_place(self) -> bool:
        """Whether the path still leads to this file."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size_bytes(self) -> int:
        """Return the size of all images."""
        return len(self) * self._image_bytes

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Visit all images in order."""
        step = max(1, _CHUNK_BYTES // self._image_bytes)
        for start in range(0, len(self), step):
            yield from self.read(np.arange(start, min(start + step, len(self))))

    def read(self, rows_N: NDArray[np.int64], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Read the images at these positions.

        Args:
            rows_N: positions, in any order.
            out: receives the images.

        Raises:
            StorageError: the disk fails, or the file is shorter than its header says.
        """
        if out is None:
            out = np.empty((len(rows_N), *self.shape[1:]), np.uint8)
        if not len(rows_N):
            return out
        buffer, size = out.data.cast("B"), self._image_bytes
        runs = [
            (self._begin + row * size, buffer[start * size : end * size]) for start, end, row in _runs(rows_N)
        ]
        try:
            if hasattr(os, "posix_fadvise"):  # not on macOS
                for offset, part in runs:  # a disk then reads all of them at the same time
                    os.posix_fadvise(self._descriptor, offset, len(part), os.POSIX_FADV_WILLNEED)
            for offset, part in runs:
                self._fill(part, offset)
        except OSError as error:
            raise StorageError(
                f"The prepared images {self.path} cannot be read ({error.strerror}): if it happens again, delete their "
                "folder."
            ) from error
        return out

    def _fill(self, buffer: memoryview, offset: int) -> None:
        while len(buffer):
            count = os.preadv(self._descriptor, [buffer], offset)
            if not count:
                raise StorageError(
                    f"The prepared images {self.path} are incomplete: start again, they are built anew."
                )
            buffer, offset = buffer[count:], offset + count


class NewImageFile:
    """A file of images that is being written; its space is reserved. Several threads may write at once."""

    def __init__(self, path: Path, shape: tuple[int, int, int, int]) -> None:
        self._image_bytes = int(np.prod(shape[1:]))
        with path.open("xb") as file:
            npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            self._begin = file.tell()
        self._descriptor = os.open(path, os.O_RDWR)
        weakref.finalize(self, os.close, self._descriptor)
        self._reserve(shape[0] * self._image_bytes)

    def write(self, row: int, image_HWC: NDArray[np.uint8]) -> None:
        """Write one image."""
        data, offset = (
            np.ascontiguousarray(image_HWC).data.cast("B"),
            self._begin + row * self._image_bytes,
        )
        while len(data):
            count = os.pwrite(self._descriptor, data, offset)
            data, offset = data[count:], offset + count

    def _reserve(self, size: int) -> None:
        """Reserve the space of all images, so that a full disk raises an error before any image is resized."""
        if not size:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._descriptor, self._begin, size)
            return
        for start in range(0, size, len(_ZEROS)):  # macOS
            os.pwrite(self._descriptor, _ZEROS[: size - start], self._begin + start)


def _runs(rows_N: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Yield the start and end of each run of consecutive rows, and its first row; there is at least one row."""
    starts = [0, *(np.flatnonzero(np.diff(rows_N) != 1) + 1).tolist()]
    yield from zip(starts, [*starts[1:], len(rows_N)], rows_N[starts].tolist(), strict=True)
