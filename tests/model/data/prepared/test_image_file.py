from pathlib import Path

import numpy as np
import pytest

from model.data.prepared.image_file import ImageFile, NewImageFile
from model.errors import StorageError


def write(path: Path, count: int, side: int = 4) -> np.ndarray:
    images_NHWC = np.random.default_rng(0).integers(256, size=(count, side, side, 3), dtype=np.uint8)
    file = NewImageFile(path, (count, side, side, 3))
    for row in reversed(range(count)):
        file.write(row, images_NHWC[row])
    return images_NHWC


def test_images_are_read_in_any_order_and_the_file_is_one_of_numpy(tmp_path: Path) -> None:
    images_NHWC = write(tmp_path / "images.npy", 20)
    file = ImageFile(tmp_path / "images.npy")
    for rows in ([], [7], [3, 4, 5], [19, 0, 1, 1, 2, 18, 17]):
        assert np.array_equal(file.read(np.array(rows, dtype=int)), images_NHWC[rows])
    assert np.array_equal(list(file), images_NHWC)
    assert np.array_equal(np.load(tmp_path / "images.npy"), images_NHWC)


def test_an_open_file_stays_readable_when_it_is_deleted(tmp_path: Path) -> None:
    images_NHWC = write(tmp_path / "images.npy", 3)
    file = ImageFile(tmp_path / "images.npy")
    (tmp_path / "images.npy").unlink()
    assert np.array_equal(list(file), images_NHWC)


def test_a_file_that_became_shorter_is_an_error_and_not_a_signal(tmp_path: Path) -> None:
    write(tmp_path / "images.npy", 2000)
    file = ImageFile(tmp_path / "images.npy")
    with (tmp_path / "images.npy").open("r+b") as cut:
        cut.truncate(50_000)
    assert file.read(np.arange(1000)).any()
    with pytest.raises(StorageError, match="incomplete"):
        file.read(np.arange(1500))


def test_a_split_without_images_has_a_file(tmp_path: Path) -> None:
    write(tmp_path / "images.npy", 0)
    assert list(ImageFile(tmp_path / "images.npy")) == []
