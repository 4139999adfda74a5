import io
import os
import zipfile
from pathlib import Path

import pytest

from ninefold.client.datasets.folder_zip import FolderZip, find_table, zip_folder
from ninefold.errors import NinefoldError


def opened(packed: FolderZip) -> zipfile.ZipFile:
    """Return the zip that is sent."""
    return zipfile.ZipFile(io.BytesIO(b"".join(packed)))


def test_a_folder_becomes_an_uncompressed_zip_without_hidden_files(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/2.png", ".git/config", "cat/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    with opened(zip_folder(tmp_path)) as archive:
        assert archive.namelist() == ["cat/1.png", "dog/2.png"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def test_hidden_folders_with_images_are_named(tmp_path: Path) -> None:
    for name in ("cat/1.png", ".git/objects/00", ".bird/1.JPG", "dog/.cache/small/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    packed = zip_folder(tmp_path)
    assert [line.partition(":")[0] for line in packed.not_sent] == [".bird/", "dog/.cache/"]
    assert "begin with another character than a dot" in packed.not_sent[0]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NinefoldError, match="holds no files"):
        zip_folder(tmp_path)


def test_empty_folders_are_sent_because_the_service_names_them(tmp_path: Path) -> None:
    for name in ("cat/1.png", "bird/.gitkeep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with opened(zip_folder(tmp_path)) as archive:
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
    with opened(zip_folder(folder, table)) as archive:
        assert archive.namelist() == ["0.png", "tables/in.csv", "beside.csv"]
    with pytest.raises(NinefoldError, match="no file other"):
        find_table(folder, "other.csv")
    (folder / "beside.csv").write_bytes(b"another")
    with pytest.raises(NinefoldError, match="rename"):
        find_table(folder, tmp_path / "beside.csv")


def test_links_and_names_that_are_not_utf_8_are_sent_and_the_rest_is_named(tmp_path: Path) -> None:
    folder, pool = tmp_path / "pets", tmp_path / "pool"
    for path in (folder / "cat", pool):
        path.mkdir(parents=True)
        (path / "1.png").write_bytes(b"x" * 100)
    (folder / "bird").symlink_to(pool)
    (folder / "cat" / "all").symlink_to(folder)
    (folder / "cat" / "gone.png").symlink_to(tmp_path / "nothing")
    (folder / "cat" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"y")
    packed = zip_folder(folder)
    with opened(packed) as archive:
        assert archive.namelist() == ["bird/1.png", "cat/1.png", "cat/café.png"]
        assert archive.testzip() is None
    assert packed.size == 201
    assert packed.not_sent == [
        "cat/all: a link to a folder that contains it",
        "cat/gone.png: No such file or directory",
    ]
    assert b"".join(packed) == b"".join(packed)  # an interrupted upload is sent again unchanged


def test_a_file_that_vanishes_while_it_is_sent_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    packed = zip_folder(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(NinefoldError, match=r"1\.png cannot be read: No such file"):
        list(packed)
