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

from model.errors import ObjectExistsError, StorageError
from model.storage import TEMPORARY_FOLDER, TEMPORARY_MAX_AGE_S, Storage, open_storage


def test_bytes_and_files_come_back(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"weights" * 1000)
    storage.put_bytes("models/a/manifest.json", b"{}")
    storage.put_file("models/a/weights", source)
    assert storage.read_bytes("models/a/manifest.json") == b"{}"
    assert storage.local_path("models/a/weights").read_bytes() == source.read_bytes()
    assert storage.exists("models/a/weights")
    assert not storage.exists("models/a")


def test_the_same_bytes_may_be_put_again_and_others_may_not(storage: Storage) -> None:
    storage.put_bytes("a", b"first")
    storage.put_bytes("a", b"first")
    with pytest.raises(ObjectExistsError, match="never change"):
        storage.put_bytes("a", b"other")
    assert storage.read_bytes("a") == b"first"


def test_list_gives_keys_by_prefix_and_no_temporary_files(storage: Storage, tmp_path: Path) -> None:
    for key in ("models/b/x", "models/a/x", "models/ab", "other"):
        storage.put_bytes(key, b"")
    (tmp_path / "storage" / TEMPORARY_FOLDER / "1-crashed").write_bytes(b"half")
    assert storage.list() == ["models/a/x", "models/ab", "models/b/x", "other"]
    assert storage.list("models/a") == ["models/a/x", "models/ab"]
    assert storage.list("models/a/") == ["models/a/x"]
    assert storage.list("nothing/here") == []


def test_list_outlives_folders_that_go_meanwhile(storage: Storage) -> None:
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


def test_delete_removes_an_object_or_a_folder_and_nothing_is_fine(storage: Storage) -> None:
    for key in ("models/a/x", "models/a/y", "models/ab"):
        storage.put_bytes(key, b"")
    storage.delete("models/a/")
    assert storage.list() == ["models/ab"]
    storage.delete("models/ab")
    storage.delete("models/ab")
    assert storage.list() == []


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\0b", "a\\b", ".tmp/x", "a/.x", "x" * 1025],
)
def test_keys_stay_below_the_root(storage: Storage, key: str) -> None:
    with pytest.raises(StorageError, match="not a storage key"):
        storage.put_bytes(key, b"")
    with pytest.raises(StorageError, match="not a storage key"):
        storage.exists(key)
    with pytest.raises(StorageError, match="not a storage key"):
        storage.delete(key)


@pytest.mark.parametrize("url", ["s3://bucket/x", "/plain/path", "file:relative", "file://host/x", ""])
def test_only_absolute_file_urls_work(url: str) -> None:
    with pytest.raises(StorageError, match=r"file://"):
        open_storage(url)


def test_urls_may_be_percent_encoded(tmp_path: Path) -> None:
    open_storage(f"file://{tmp_path}/my%20storage").put_bytes("a", b"x")
    assert (tmp_path / "my storage" / "a").read_bytes() == b"x"


def test_a_missing_object_is_named(storage: Storage) -> None:
    with pytest.raises(StorageError, match="no object 'models/x'"):
        storage.read_bytes("models/x")


def test_of_two_writers_with_other_bytes_one_wins(storage: Storage) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def put(number: int) -> None:
        barrier.wait()
        try:
            storage.put_bytes("race/object", bytes([number]) * 100_000)
            outcomes.append("won")
        except ObjectExistsError:
            outcomes.append("lost")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    assert len(set(storage.read_bytes("race/object"))) == 1


def test_a_put_survives_that_its_folder_is_deleted_meanwhile(storage: Storage) -> None:
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


def test_a_full_disk_is_said_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
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
def test_reasons_of_the_system_become_words(storage: Storage, number: int, words: str) -> None:
    def fail(_: object) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=words):
        storage.put_stream("a", fail)
    assert not storage.exists("a")


def test_a_root_that_cannot_be_made_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="Storage cannot write"):
        open_storage(f"file://{tmp_path}/file/storage").check()


def test_the_check_leaves_nothing(storage: Storage) -> None:
    storage.check()
    assert storage.list() == []


def _put_and_die(url: str) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    open_storage(url).put_stream("large", write)


def test_what_a_killed_process_was_writing_can_be_removed(storage: Storage, tmp_path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(
        target=_put_and_die, args=(f"file://{tmp_path}/storage",)
    )
    writer.start()
    writer.join()
    folder = tmp_path / "storage" / TEMPORARY_FOLDER
    [half] = folder.iterdir()
    assert writer.pid is not None
    other = folder / half.name.replace(f"-{writer.pid}-", f"-{writer.pid}0-")
    other.write_bytes(b"of a living one")
    storage.forget_writer(writer.pid)
    assert list(folder.iterdir()) == [other]


def test_leftovers_of_dead_writers_go_when_they_are_old(storage: Storage, tmp_path: Path) -> None:
    storage.put_bytes("a", b"")
    old, young = (tmp_path / "storage" / TEMPORARY_FOLDER / name for name in ("1-old", "2-young"))
    old.mkdir()
    (old / "deleted-half-way").write_bytes(b"")
    young.write_bytes(b"half")
    before = time.time() - TEMPORARY_MAX_AGE_S - 60
    os.utime(old, (before, before))
    storage.put_bytes("b", b"")
    assert not old.exists()
    assert young.exists()
