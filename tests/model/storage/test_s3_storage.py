"""The behaviour specific to S3 storage: prefixes, local copies, failing requests."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from model.errors import ObjectExistsError, StorageError
from model.storage import s3
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.s3_server import BUCKET, running_s3


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with running_s3() as environment:
        yield environment


@pytest.fixture
def storage(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Storage with a prefix of its own, which keeps local copies in `copies`."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    return open_storage(f"s3://{BUCKET}/{tmp_path.name}")


def test_storages_with_different_prefixes_are_separate(storage: Storage, tmp_path: Path) -> None:
    storage.put_bytes("a", b"mine")
    other = open_storage(f"s3://{BUCKET}/{tmp_path.name}-other")
    other.put_bytes("a", b"theirs")
    assert storage.read_bytes("a") == b"mine"
    storage.delete("a")
    assert (storage.list(), other.list()) == ([], ["a"])


def test_local_copies_are_deleted_after_use(storage: Storage, tmp_path: Path) -> None:
    storage.put_stream("a", lambda file: file.write(b"x"))
    with storage.as_file("a") as path:
        assert path.read_bytes() == b"x"
        assert path.is_relative_to(tmp_path / "copies")
    assert [one for one in (tmp_path / "copies").rglob("*") if one.is_file()] == []


def test_a_disk_that_keeps_no_copies_fails_the_check(storage: Storage, tmp_path: Path) -> None:
    storage.check()
    shutil.rmtree(tmp_path / "copies")
    (tmp_path / "copies").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="on this disk"):
        storage.check()


def test_a_missing_bucket_raises_an_error(storage: Storage) -> None:
    with pytest.raises(StorageError, match=r"cannot write .* 404"):
        open_storage("s3://no-such-bucket").check()


def test_an_s3_url_without_a_bucket_is_refused() -> None:
    with pytest.raises(StorageError, match="needs a bucket"):
        open_storage("s3:///prefix")


def test_an_unreachable_server_raises_an_error(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(s3, "RETRIES", {"max_retries": 1})
    unreachable = open_storage(f"s3://{BUCKET}")
    for ask in (unreachable.check, unreachable.list, lambda: unreachable.read_bytes("a")):
        with pytest.raises(StorageError, match="error sending request"):
            ask()


def test_an_object_larger_than_one_put_is_sent_in_parts(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "LARGEST_PUT_BYTES", s3.PART_BYTES // 2)
    data = b"0123456789abcdef" * (s3.PART_BYTES // 16 + 1000)
    for _ in range(2):  # the same bytes may be put again
        storage.put_stream("a", lambda file: file.write(data))
        assert storage.read_bytes("a") == data
    with pytest.raises(ObjectExistsError, match="never change"):
        storage.put_stream("a", lambda file: file.write(data[:-1] + b"x"))
    assert storage.read_range("a", s3.PART_BYTES - 16, 32) == b"0123456789abcdef" * 2
    with storage.working_folder() as folder:
        (folder / "file").write_bytes(data)
        storage.put_file("b", folder / "file")
    assert storage.list() == ["a", "b"]
    assert storage.used_bytes() == 2 * len(data)
    assert [one for one in (tmp_path / "copies").rglob("*") if one.is_file()] == []


def test_of_two_writers_of_a_large_object_at_once_one_is_refused(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "LARGEST_PUT_BYTES", 5)
    look = s3.S3Storage.exists

    def look_slowly(self: s3.S3Storage, key: str) -> bool:
        found = look(self, key)
        time.sleep(1.0)
        return found

    monkeypatch.setattr(s3.S3Storage, "exists", look_slowly)
    written = []

    def write(data: bytes) -> None:
        with suppress(ObjectExistsError):
            storage.put_bytes("a", data)
            written.append(data)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (b"first writer", b"other writer")))
    assert written == [storage.read_bytes("a")]
    assert storage.list() == ["a"]
    storage.put_bytes("a", written[0])
