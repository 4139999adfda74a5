from pathlib import Path

import pytest

from model.data.files.not_images import describe_other_file
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import two_classes, write_zip

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("cat/0.jpg", LFS, "git lfs pull"),
        ("cat/0.jpg", b"<!DOCTYPE html><html>", "a web page"),
        ("cat/0.jpg", b"404: not found\n", "text"),
        ("cat/0.jpg", b"", "empty"),
        ("README.txt", b"about these images", "not an image"),
        ("values.csv", b"a,b\n", "not an image"),
        ("model.pkl", b"\x80\x04\x95", "an array of images or another object"),
    ],
)
def test_files_that_are_no_images_are_named_for_what_they_are(path: str, data: bytes, words: str) -> None:
    reason = describe_other_file(path, data)
    assert reason
    assert words in reason
    assert "convert" not in reason


def test_a_damaged_image_keeps_the_reason_of_its_decoder() -> None:
    assert describe_other_file("cat/0.png", b"\x89PNG\r\n\x1a\n\0\0") is None


def test_a_zip_inside_a_zip_is_named(storage: Storage, tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "photos.zip", two_classes()).read_bytes()
    with pytest.raises(DatasetRejectedError, match=r"photos.zip: an archive inside the dataset.*unpack it"):
        import_files({"photos.zip": inner, "notes.txt": b"x"}, storage, tmp_path / "x")
