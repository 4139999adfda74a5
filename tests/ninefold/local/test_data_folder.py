import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ninefold.errors import StartError
from ninefold.local.data_folder import DataFolder


def test_the_error_for_a_second_holder_names_the_first(tmp_path: Path) -> None:
    with DataFolder(tmp_path), pytest.raises(StartError, match=f"process {os.getpid()}"):
        DataFolder(tmp_path)


def test_the_folder_is_free_again_after_close(tmp_path: Path) -> None:
    DataFolder(tmp_path).close()
    DataFolder(tmp_path).close()


HOLDER = """
import sys, time
from pathlib import Path
from ninefold.local.data_folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        for _ in range(2):  # a refused attempt does not erase the holder's process id
            with pytest.raises(StartError, match=f"process {holder.pid}"):
                DataFolder(tmp_path)
        holder.kill()
        holder.wait()
    DataFolder(tmp_path).close()


def test_a_folder_locked_by_an_older_version_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write("1234")
        lock.flush()
        with pytest.raises(StartError, match="process 1234"):
            DataFolder(tmp_path)


def test_a_secret_is_generated_once_and_private(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as folder:
        secret = folder.secret("password")
        assert len(secret) >= 32
        assert folder.secret("password") == secret
        assert (folder.valkey / "password").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written"):
        DataFolder(tmp_path / "file" / "data")


def test_the_path_of_the_socket_folder_is_short_although_the_data_folder_is_long(tmp_path: Path) -> None:
    with DataFolder(tmp_path / ("x" * 120)) as folder:
        try:
            assert len(str(folder.runtime)) < 60
            assert folder.runtime.stat().st_mode & 0o777 == 0o700
        finally:
            folder.runtime.rmdir()
