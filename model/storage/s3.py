"""Storage in a bucket of S3, or of another service with the S3 protocol and conditional puts."""

import hashlib
import mmap
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import (
    Storage,
    StorageEntry,
    check_key,
    object_exists_error,
    object_missing_error,
    short_object_error,
)
from model.storage.scratch import remove

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

LARGEST_PUT_BYTES = 5 * 2**30
"""S3's limit for a put in one request. The library makes only such a put conditional."""
PART_BYTES = 16 * 2**20
"""Of a larger object; S3 takes 10,000 parts, so 156 GiB."""
_PARTS_AT_ONCE = 4
_CLAIMS = "claims"
_CLAIM_LASTS = timedelta(days=1)
"""Longer than any upload of an object: an older claim is that of a writer that died."""
# A transfer may take an hour, but the server must send or accept something every 30 s. Endpoints may use http://.
CLIENT: "ClientConfig" = {
    "timeout": "1h",
    "connect_timeout": "5s",
    "read_timeout": "30s",
    "allow_http": True,
}
RETRIES: "RetryConfig" = {"max_retries": 8, "retry_timeout": timedelta(seconds=30)}
_CHUNK_BYTES = 8 * 2**20
_PROBE_BYTES = 4096


class S3Storage(Storage):
    """Stores each object in a bucket, below a prefix.

    Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL`, …) or
    from the role of the machine.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        if not bucket:
            raise StorageError("An s3:// URL needs a bucket: s3://bucket/prefix.")
        self._copies = Path(tempfile.gettempdir(), f"ninefold-{os.getuid()}-copies")
        super().__init__(self._copies)
        with _as_storage_errors("be opened"):
            self._store = S3Store(bucket, prefix=prefix or None, client_options=CLIENT, retry_config=RETRIES)

    def check(self) -> None:
        """Check the bucket as every storage, and the disk through which its files pass."""
        with self._local_file() as path, _as_storage_errors("keep a file on this disk"):
            path.write_bytes(bytes(_PROBE_BYTES))
        super().check()

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store an object atomically; see `put_stream`."""
        self._put(check_key(key), data)

    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Store the bytes that `write` writes, atomically.

        Storing the same bytes again is allowed and renews the object's time of change.
        """
        check_key(key)
        with self._local_file() as path, path.open("w+b") as file:
            with _as_storage_errors(f"write {key!r}"):
                reach(Failpoint.PUT_BEGUN)
                write(file)
                file.flush()
                reach(Failpoint.PUT_WRITTEN)
            if not file.tell():
                self._put(key, b"")
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._put(key, data)

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """Provide a local folder."""
        with self._local_file() as folder:
            folder.mkdir(mode=0o700)
            yield folder

    def put_file(self, key: str, file: Path) -> None:
        """Send a file."""
        check_key(key)
        with _as_storage_errors(f"write {key!r}"), file.open("rb") as finished:
            if not file.stat().st_size:
                self._put(key, b"")
                return
            with mmap.mmap(finished.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._put(key, data)

    def _put(self, key: str, data: bytes | mmap.mmap) -> None:
        """Create the object in one step, or check that the existing object has the same bytes."""
        with _as_storage_errors(f"write {key!r}"):
            if len(data) > LARGEST_PUT_BYTES:
                self._put_in_parts(key, data)
            else:
                self._put_at_once(key, data)
        reach(Failpoint.PUT_DURABLE)

    def _put_at_once(self, key: str, data: bytes | mmap.mmap) -> None:
        try:
            obstore.put(self._store, key, data, mode="create")
        except AlreadyExistsError:
            self._check_same(key, data)
            # A repeated put makes the object new again, so that garbage collection keeps it.
            obstore.put(self._store, key, data, use_multipart=False)

    def _put_in_parts(self, key: str, data: bytes | mmap.mmap) -> None:
        """Send parts, which become the object when all have arrived.

        The library cannot send the condition with the last request. So a writer first creates a claim, a small object that
        names the bytes: of two writers with different bytes at the same time, one is refused.
        """
        claim = f"{_CLAIMS}/{hashlib.sha256(key.encode()).hexdigest()}"
        self._claim(claim, key, hashlib.sha256(data).digest())
        try:
            if self.exists(key):
                self._check_same(key, data)
            obstore.put(
                self._store,
                key,
                data,
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        finally:
            obstore.delete(self._store, claim)

    def _claim(self, claim: str, key: str, digest: bytes) -> None:
        """Create the claim of a writer; raise ObjectExistsError if a writer of other bytes has one. That of a dead writer ends."""
        try:
            obstore.put(self._store, claim, digest, mode="create")
        except AlreadyExistsError:
            with suppress(FileNotFoundError):  # the other writer is done
                found = obstore.get(self._store, claim)
                age = datetime.now(UTC) - found.meta["last_modified"]
                if bytes(found.bytes()) != digest and age < _CLAIM_LASTS:
                    raise object_exists_error(key) from None
            obstore.put(self._store, claim, digest, use_multipart=False)

    def _check_same(self, key: str, data: bytes | mmap.mmap) -> None:
        if self._digest(key) != hashlib.sha256(data).digest():
            raise object_exists_error(key)

    def _digest(self, key: str) -> bytes:
        digest = hashlib.sha256()
        for chunk in obstore.get(self._store, key).stream(_CHUNK_BYTES):
            digest.update(chunk)
        return digest.digest()

    def read_bytes(self, key: str) -> bytes:
        """Return the bytes of an object."""
        with self._found(key):
            return bytes(obstore.get(self._store, check_key(key)).bytes())

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return some of the bytes of an object."""
        if not length:
            return b""
        with self._found(key):
            data = bytes(obstore.get_range(self._store, check_key(key), start=offset, length=length))
        if len(data) < length:
            raise short_object_error(key)
        return data

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        """Provide a local copy of an object, which is deleted when the context ends."""
        with self._local_file() as path:
            with self._found(key), path.open("xb") as file:
                for chunk in obstore.get(self._store, check_key(key)).stream(_CHUNK_BYTES):
                    file.write(chunk)
            yield path

    def exists(self, key: str) -> bool:
        """Return whether there is an object with this key."""
        with _as_storage_errors(f"look for {key!r}"):
            try:
                obstore.head(self._store, check_key(key))
            except FileNotFoundError:
                return False
        return True

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys that start with `prefix`, sorted."""
        folder = check_key(prefix).rpartition("/")[0] if prefix else ""
        return sorted(meta["path"] for meta in self._below(folder) if meta["path"].startswith(prefix))

    def delete(self, key_or_prefix: str) -> None:
        """Delete an object, or the objects of a folder one after the other. Does nothing when there are none."""
        key = check_key(key_or_prefix).removesuffix("/")
        paths = [meta["path"] for meta in self._below(key)]
        with _as_storage_errors(f"delete {key_or_prefix!r}"):
            obstore.delete(self._store, [key, *paths])

    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """Return the folders directly below `kind`; their keys are `kind/name`."""
        return _measure(self._below(check_key(kind)), depth=kind.count("/") + 2)

    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Return whether a folder has not changed since it was listed."""
        return folder in _measure(self._below(folder.key), depth=folder.key.count("/") + 1)

    def leftovers(self) -> Sequence[StorageEntry]:
        """Return nothing: a put in one request leaves no unfinished object, and that of parts is not listed."""
        return []

    def free_bytes(self) -> int:
        """Return the largest integer, since a bucket has no known limit."""
        return sys.maxsize

    def used_bytes(self) -> int:
        """Return the total size of all objects. Slow: lists all of them."""
        return sum(meta["size"] for meta in self._below(""))

    def _below(self, folder: str) -> "Iterator[ObjectMeta]":
        with _as_storage_errors(f"list {folder!r}"):
            for page in obstore.list(self._store, folder or None):
                yield from page

    @contextmanager
    def _local_file(self) -> Iterator[Path]:
        with _as_storage_errors("keep a file on this disk"):
            self._copies.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._scratch.new_path()
        try:
            yield path
        finally:
            remove(path)

    @contextmanager
    def _found(self, key: str) -> Iterator[None]:
        with _as_storage_errors(f"read {key!r}"):
            try:
                yield
            except FileNotFoundError:
                raise object_missing_error(key) from None


@contextmanager
def _as_storage_errors(action: str) -> Iterator[None]:
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise StorageError(
            f"Storage cannot {action}: S3 refuses it for these credentials; check AWS_ACCESS_KEY_ID and the bucket's policy."
        ) from error
    except (
        BaseError,
        FileNotFoundError,
    ) as error:  # a missing object is handled by the readers, so here the bucket is missing
        reason = str(error).splitlines()[0].partition("<?xml")[0][:300]
        raise StorageError(f"Storage cannot {action}: {reason}") from error
    except OSError as error:
        raise StorageError(f"Storage cannot {action}: {error.strerror or error}.") from error


def _measure(objects: "Iterable[ObjectMeta]", depth: int) -> Sequence[StorageEntry]:
    """Group the objects by the first `depth` parts of their keys."""
    sizes: dict[str, int] = {}
    changes: dict[str, float] = {}
    for meta in objects:
        key = "/".join(meta["path"].split("/")[:depth])
        sizes[key] = sizes.get(key, 0) + meta["size"]
        changes[key] = max(changes.get(key, 0.0), meta["last_modified"].timestamp())
    return [StorageEntry(key, sizes[key], changes[key]) for key in sorted(sizes)]
