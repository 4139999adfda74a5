import zipfile
from pathlib import Path

import pytest

from ninefold.client.folder_zip import find_table, open_as_zip
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


def test_empty_folders_are_sent_because_the_service_names_them(tmp_path: Path) -> None:
    for name in ("cat/1.png", "bird/.gitkeep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with open_as_zip(tmp_path) as file, zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["cat/1.png", "bird/"]


def test_a_table_is_found_in_and_beside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in ("photos/tables/in.csv", "beside.csv", "photos/0.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"id,breed")
    assert find_table(folder, "tables/in.csv") == ("tables/in.csv", None)
    assert find_table(folder, folder / "tables" / "in.csv") == ("tables/in.csv", None)
    name, table = find_table(folder, tmp_path / "beside.csv")
    assert (name, table) == ("beside.csv", tmp_path / "beside.csv")
    with open_as_zip(folder, table) as file, zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["0.png", "tables/in.csv", "beside.csv"]
    with pytest.raises(NinefoldError, match="no file other"):
        find_table(folder, "other.csv")
    (folder / "beside.csv").write_bytes(b"another")
    with pytest.raises(NinefoldError, match="rename"):
        find_table(folder, tmp_path / "beside.csv")
