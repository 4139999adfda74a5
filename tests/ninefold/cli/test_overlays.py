"""The pictures that `ninefold predict --explain FOLDER` writes."""

from base64 import b64encode
from pathlib import Path

import pytest

from ninefold.cli.overlays import overlay_paths, write_overlay
from ninefold.errors import NinefoldError


def test_files_of_equal_names_get_pictures_of_different_names(tmp_path: Path) -> None:
    files = [Path(name) for name in ("a/cat.jpg", "b/cat.jpg", "cat.png", "dog.jpg", "cat-2.jpg")]
    paths = overlay_paths(files, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [
        f"{name}.explained.png" for name in ("cat", "cat-2", "cat-3", "dog", "cat-2-2")
    ]
    assert {path.parent for path in paths} == {tmp_path / "new" / "folder"}
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_picture_is_written_for_an_image_that_was_classified(tmp_path: Path) -> None:
    overlay = "data:image/png;base64," + b64encode(b"a picture").decode()
    write_overlay(tmp_path / "a.png", {"status": "ok", "explanation": {"overlay": overlay}})
    write_overlay(tmp_path / "b.png", {"status": "error", "error": {}})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.png": b"a picture"}


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NinefoldError, match="file cannot be made: File exists"):
        overlay_paths([Path("a.jpg")], tmp_path / "file")
