import zipfile
from pathlib import Path

import pytest

from ninefold.client.folder_zip import open_as_zip
from ninefold.errors import NinefoldError


def test_a_folder_becomes_an_uncompressed_zip_without_hidden_files(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/2.png", ".git/config", "cat/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    with open_as_zip(tmp_path) as file, zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["cat/1.png", "dog/2.png"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_a_zip_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK whatever")
    with open_as_zip(tmp_path / "a.zip") as file:
        assert file.read() == b"PK whatever"


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NinefoldError, match="holds no files"), open_as_zip(tmp_path):
        pass
