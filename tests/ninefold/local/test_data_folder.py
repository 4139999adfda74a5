import os
from pathlib import Path

import pytest

from ninefold.errors import StartError
from ninefold.local.data_folder import DataFolder


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    with DataFolder(tmp_path), pytest.raises(StartError, match=f"process {os.getpid()}"):
        DataFolder(tmp_path)


def test_the_folder_is_free_again_after_close(tmp_path: Path) -> None:
    DataFolder(tmp_path).close()
    DataFolder(tmp_path).close()


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as folder:
        secret = folder.secret("password")
        assert len(secret) >= 32
        assert folder.secret("password") == secret
        assert (folder.valkey / "password").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written"):
        DataFolder(tmp_path / "file" / "data")


def test_the_socket_folder_is_short_however_long_the_data_folder(tmp_path: Path) -> None:
    with DataFolder(tmp_path / ("x" * 120)) as folder:
        try:
            assert len(str(folder.runtime)) < 60
            assert folder.runtime.stat().st_mode & 0o777 == 0o700
        finally:
            folder.runtime.rmdir()
