"""Storage in a bucket of S3, or of anything that speaks its protocol and its conditional puts."""

import hashlib
import mmap
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
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
from model.storage.interface import Storage, StorageEntry, already_there, checked, not_there

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

LARGEST_PUT_BYTES = 5 * 2**30
"""S3's own bound on a put in one piece, which alone can be conditional."""
# Transfers may take long; servers that say nothing may not. An endpoint is http:// where its operator wrote so.
_CLIENT: "ClientConfig" = {
    "timeout": "1h",
    "connect_timeout": "5s",
    "read_timeout": "30s",
    "allow_http": True,
}
_RETRIES: "RetryConfig" = {"max_retries": 8, "retry_timeout": timedelta(seconds=30)}
_CHUNK_BYTES = 8 * 2**20


class S3Storage(Storage):
    """Objects below a prefix of a bucket.

    Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL`, …) or
    from the machine's own role.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        if not bucket:
            raise StorageError("An s3:// URL needs a bucket: s3://bucket/prefix.")
        self._copies = Path(tempfile.gettempdir(), f"ninefold-{os.getuid()}-copies")
        super().__init__(self._copies)
        with _explained("be opened"):
            self._store = S3Store(
                bucket, prefix=prefix or None, client_options=_CLIENT, retry_config=_RETRIES
            )

    def put_bytes(self, key: str, data: bytes) -> None:
        """Put an object atomically; see `put_stream`."""
        self._put(checked(key), data)

    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Put what `write` writes, atomically; the same bytes again are fine. At most `LARGEST_PUT_BYTES`."""
        checked(key)
        with self._local_file() as path, path.open("w+b") as file:
            with _explained(f"write {key!r}"):
                reach(Failpoint.PUT_BEGUN)
                write(file)
                file.flush()
                reach(Failpoint.PUT_WRITTEN)
            if not file.tell():
                self._put(key, b"")
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._put(key, data)

    def _put(self, key: str, data: bytes | mmap.mmap) -> None:
        """Put under a name that is free, in one step; or else find the same bytes there."""
        if len(data) > LARGEST_PUT_BYTES:
            raise StorageError(
                f"Storage cannot write {key!r}: S3 takes {LARGEST_PUT_BYTES >> 30} GiB at once."
            )
        with _explained(f"write {key!r}"):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                if self._digest(key) != hashlib.sha256(data).digest():
                    raise already_there(key) from None
                # Who puts it again needs it from now on: it is no old litter.
                obstore.put(self._store, key, data, use_multipart=False)
        reach(Failpoint.PUT_DURABLE)

    def _digest(self, key: str) -> bytes:
        digest = hashlib.sha256()
        for chunk in obstore.get(self._store, key).stream(_CHUNK_BYTES):
            digest.update(chunk)
        return digest.digest()

    def read_bytes(self, key: str) -> bytes:
        """All bytes of an object."""
        with self._found(key):
            return bytes(obstore.get(self._store, checked(key)).bytes())

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        """A copy of an object, which goes afterwards."""
        with self._local_file() as path:
            with self._found(key), path.open("xb") as file:
                for chunk in obstore.get(self._store, checked(key)).stream(_CHUNK_BYTES):
                    file.write(chunk)
            yield path

    def exists(self, key: str) -> bool:
        """Whether an object was put under this key."""
        with _explained(f"look for {key!r}"):
            try:
                obstore.head(self._store, checked(key))
            except FileNotFoundError:
                return False
        return True

    def list(self, prefix: str = "") -> list[str]:
        """The sorted keys that start with `prefix`."""
        folder = checked(prefix).rpartition("/")[0] if prefix else ""
        return sorted(meta["path"] for meta in self._below(folder) if meta["path"].startswith(prefix))

    def delete(self, key_or_prefix: str) -> None:
        """Delete one object, or all objects of a folder, one after the other; nothing there is fine."""
        key = checked(key_or_prefix).removesuffix("/")
        paths = [meta["path"] for meta in self._below(key)]
        with _explained(f"delete {key_or_prefix!r}"):
            obstore.delete(self._store, [key, *paths])

    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """The folders right below `kind`, as `kind/name`."""
        return _measure(self._below(checked(kind)), depth=kind.count("/") + 2)

    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Whether nothing was put there since it was listed."""
        return folder in _measure(self._below(folder.key), depth=folder.key.count("/") + 1)

    def leftovers(self) -> Sequence[StorageEntry]:
        """None in the bucket: a put in one piece is whole or is not."""
        return []

    def free_bytes(self) -> int:
        """As much as can be said."""
        return sys.maxsize

    def used_bytes(self) -> int:
        """How much all that lies here takes: a listing of all of it."""
        return sum(meta["size"] for meta in self._below(""))

    def _below(self, folder: str) -> "Iterator[ObjectMeta]":
        with _explained(f"list {folder!r}"):
            for page in obstore.list(self._store, folder or None):
                yield from page

    @contextmanager
    def _local_file(self) -> Iterator[Path]:
        with _explained("keep a file on this disk"):
            self._copies.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._scratch.new_path()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _found(self, key: str) -> Iterator[None]:
        with _explained(f"read {key!r}"):
            try:
                yield
            except FileNotFoundError:
                raise not_there(key) from None


@contextmanager
def _explained(action: str) -> Iterator[None]:
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise StorageError(
            f"Storage cannot {action}: S3 does not let these credentials do it; see AWS_ACCESS_KEY_ID and the bucket's policy."
        ) from error
    except (BaseError, FileNotFoundError) as error:  # what is not found, but by who reads, is the bucket
        words = str(error).splitlines()[0].partition("<?xml")[0][:300]
        raise StorageError(f"Storage cannot {action}: {words}") from error
    except OSError as error:
        raise StorageError(f"Storage cannot {action}: {error.strerror or error}.") from error


def _measure(objects: "Iterable[ObjectMeta]", depth: int) -> Sequence[StorageEntry]:
    """The folders that so many names lead to."""
    sizes: dict[str, int] = {}
    changes: dict[str, float] = {}
    for meta in objects:
        key = "/".join(meta["path"].split("/")[:depth])
        sizes[key] = sizes.get(key, 0) + meta["size"]
        changes[key] = max(changes.get(key, 0.0), meta["last_modified"].timestamp())
    return [StorageEntry(key, sizes[key], changes[key]) for key in sorted(sizes)]
