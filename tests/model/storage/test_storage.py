"""The behaviour that local storage and S3 storage have in common."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import ObjectExistsError, ObjectMissingError, StorageError
from model.storage.interface import Storage, StorageEntry
from model.storage.opening import open_storage
from tests.s3_server import BUCKET, running_s3


@pytest.fixture(scope="module")
def s3_environment() -> Iterator[dict[str, str]]:
    with running_s3() as environment:
        yield environment


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    if request.param == "file":
        return open_storage((tmp_path / "storage").as_uri())
    for name, value in request.getfixturevalue("s3_environment").items():
        monkeypatch.setenv(name, value)
    return open_storage(f"s3://{BUCKET}/{tmp_path.name}/deeper")


def test_stored_bytes_can_be_read(storage: Storage) -> None:
    weights = b"weights" * 10_000_000
    storage.put_bytes("models/a/manifest.json", b"{}")
    storage.put_stream("models/a/weights", lambda file: file.write(weights))
    storage.put_stream("models/a/nothing", lambda _: None)
    assert storage.read_bytes("models/a/manifest.json") == b"{}"
    assert storage.read_bytes("models/a/nothing") == b""
    with storage.as_file("models/a/weights") as path:
        assert path.read_bytes() == weights
    assert storage.exists("models/a/weights")
    assert not storage.exists("models/a")


def test_some_bytes_of_an_object_can_be_read(storage: Storage) -> None:
    storage.put_bytes("a", b"0123456789")
    assert storage.read_range("a", 2, 3) == b"234"
    assert storage.read_range("a", 9, 1) == b"9"
    assert storage.read_range("a", 4, 0) == b""
    with pytest.raises(StorageError, match="damaged"):
        storage.read_range("a", 8, 3)
    with pytest.raises(StorageError):
        storage.read_range("a", 20, 3)
    with pytest.raises(ObjectMissingError):
        storage.read_range("b", 0, 1)


def test_the_same_bytes_may_be_put_again_but_not_others(storage: Storage) -> None:
    storage.put_bytes("a", b"first")
    storage.put_bytes("a", b"first")
    with pytest.raises(ObjectExistsError, match="never change"):
        storage.put_bytes("a", b"other")
    assert storage.read_bytes("a") == b"first"


def test_delete_removes_an_object_or_a_folder_or_does_nothing(storage: Storage) -> None:
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
def test_keys_outside_the_root_are_refused(storage: Storage, key: str) -> None:
    with pytest.raises(StorageError, match="not a storage key"):
        storage.put_bytes(key, b"")
    with pytest.raises(StorageError, match="not a storage key"):
        storage.exists(key)
    with pytest.raises(StorageError, match="not a storage key"):
        storage.delete(key)


def test_the_error_for_a_missing_object_names_the_key(storage: Storage) -> None:
    with pytest.raises(StorageError, match="no object 'models/x'"):
        storage.read_bytes("models/x")
    with pytest.raises(StorageError, match="no object 'models/x'"), storage.as_file("models/x"):
        pass


def test_of_two_writers_with_different_bytes_one_succeeds(storage: Storage) -> None:
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


def test_the_check_leaves_no_object(storage: Storage) -> None:
    storage.check()
    assert storage.list() == []


@pytest.mark.parametrize("url", ["/plain/path", "file:relative", "file://host/x", ""])
def test_incomplete_storage_urls_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match=r"file://"):
        open_storage(url)


def test_list_returns_the_keys_with_a_prefix(storage: Storage) -> None:
    for key in ("models/b/x", "models/a/x", "models/ab", "other"):
        storage.put_bytes(key, b"")
    assert storage.list() == ["models/a/x", "models/ab", "models/b/x", "other"]
    assert storage.list("models/a") == ["models/a/x", "models/ab"]
    assert storage.list("models/a/") == ["models/a/x"]
    assert storage.list("nothing/here") == []


def test_folders_have_sizes_and_changes_are_detected(storage: Storage) -> None:
    storage.put_bytes("models/a/x", b"12")
    storage.put_bytes("models/a/deep/y", b"345")
    storage.put_bytes("models/b/x", b"6")
    first, second = storage.folders("models")
    assert [(one.key, one.size_bytes) for one in (first, second)] == [("models/a", 5), ("models/b", 1)]
    assert storage.used_bytes() == 6
    storage.put_bytes("models/b/y", b"")
    assert storage.is_unchanged(first)
    assert not storage.is_unchanged(StorageEntry(second.key, second.size_bytes, second.changed_at - 1))
    storage.put_bytes("models/b/z", b"7")
    assert not storage.is_unchanged(second)


def test_a_failed_write_stores_no_object(storage: Storage) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="cannot write 'a'"):
        storage.put_stream("a", fail)
    assert storage.list() == []
