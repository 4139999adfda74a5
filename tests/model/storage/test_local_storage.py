import errno
import multiprocessing
import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.local import TEMPORARY_FOLDER
from model.storage.opening import open_storage
from model.storage.scratch import MAX_AGE_S


def test_list_returns_no_temporary_files(storage: Storage, tmp_path: Path) -> None:
    storage.put_bytes("a", b"")
    (tmp_path / "storage" / TEMPORARY_FOLDER / "1-crashed").write_bytes(b"half")
    assert storage.list() == ["a"]


def test_list_ignores_folders_that_are_deleted_meanwhile(storage: Storage) -> None:
    storage.put_bytes("kept/x", b"")
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            for number in range(20):
                storage.put_bytes(f"going/{number}/deep/x", b"")
            storage.delete("going/")

    busy = threading.Thread(target=come_and_go)
    busy.start()
    try:
        for _ in range(300):
            assert "kept/x" in storage.list()
    finally:
        is_over.set()
        busy.join()


def test_urls_may_be_percent_encoded(tmp_path: Path) -> None:
    open_storage(f"file://{tmp_path}/my%20storage").put_bytes("a", b"x")
    assert (tmp_path / "my storage" / "a").read_bytes() == b"x"


def test_a_put_succeeds_although_its_folder_is_deleted_meanwhile(storage: Storage) -> None:
    stop = threading.Event()

    def delete() -> None:
        while not stop.is_set():
            storage.delete("busy/")
            time.sleep(0.005)

    thread = threading.Thread(target=delete)
    thread.start()
    try:
        for number in range(50):
            storage.put_bytes(f"busy/{number}/x", b"x")
    finally:
        stop.set()
        thread.join()


def _put_with_a_file_size_limit(url: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        open_storage(url).put_bytes("large", b"x" * 5000)
    except StorageError as error:
        os._exit(42 if "free some space" in str(error) else 1)
    os._exit(0)


def test_a_full_disk_raises_an_error_and_leaves_no_file(storage: Storage, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_put_with_a_file_size_limit, args=(f"file://{tmp_path}/storage",))
    writer.start()
    writer.join()
    assert writer.exitcode == 42
    assert storage.list() == []
    assert list((tmp_path / "storage" / TEMPORARY_FOLDER).iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "Input/output")],
)
def test_errors_of_the_file_system_are_explained(storage: Storage, number: int, words: str) -> None:
    def fail(_: object) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=words):
        storage.put_stream("a", fail)
    assert not storage.exists("a")


def test_the_check_fails_when_the_root_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="Storage cannot write"):
        open_storage(f"file://{tmp_path}/file/storage").check()


def _put_and_die(url: str) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    open_storage(url).put_stream("large", write)


def test_unfinished_files_of_a_killed_process_can_be_removed(storage: Storage, tmp_path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(
        target=_put_and_die, args=(f"file://{tmp_path}/storage",)
    )
    writer.start()
    writer.join()
    folder = tmp_path / "storage" / TEMPORARY_FOLDER
    [half] = folder.iterdir()
    assert writer.pid is not None
    other = folder / half.name.replace(f"-{writer.pid}-", f"-{os.getpid()}-")
    other.write_bytes(b"of a living one")
    storage.remove_unfinished()
    assert list(folder.iterdir()) == [other]


def test_old_unfinished_files_are_removed(storage: Storage, tmp_path: Path) -> None:
    storage.put_bytes("a", b"")
    old, young = (tmp_path / "storage" / TEMPORARY_FOLDER / name for name in ("1-old", "2-young"))
    old.mkdir()
    (old / "deleted-half-way").write_bytes(b"")
    young.write_bytes(b"half")
    before = time.time() - MAX_AGE_S - 60
    os.utime(old, (before, before))
    storage.put_bytes("b", b"")
    assert not old.exists()
    assert young.exists()
