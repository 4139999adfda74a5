"""Copies a zip, or all files below a prefix, from a bucket of S3 with the service's own credentials."""

from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from model.data.archive import ImportLimits
from model.storage.s3 import CLIENT, RETRIES
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError
from worker.kinds.dataset_import.sources.local_copies import RemoteFile, copy_files

_CHUNK_BYTES = 8 << 20
_THREADS = 16


def copy_from_bucket(path: str, folder: Path, check_wanted: Callable[[], None], limits: ImportLimits) -> Path:
    """Copy `bucket/prefix` into a folder; return the path of a single zip, or of the folder with the files.

    Raises:
        SourceRejectedError: there is nothing, too much, or no permission to read.
        SourceUnavailableError: the bucket cannot be reached.
    """
    bucket, _, prefix = path.rstrip("/").partition("/")
    try:
        store = S3Store(bucket, client_options=CLIENT, retry_config=RETRIES)
        if prefix.lower().endswith(".zip"):
            target = folder / "source.zip"
            _check_size(obstore.head(store, prefix)["size"], limits)
            _fetch(store, prefix, target, check_wanted)
            return target
        base = f"{prefix}/" if prefix else ""
        target = folder / "source"
        target.mkdir()
        copy_files(
            _list(store, prefix, base),
            target,
            lambda file, to: _fetch(store, base + file.path, to, check_wanted),
            threads=_THREADS,
            limits=limits,
        )
    except FileNotFoundError as error:
        raise SourceRejectedError("The bucket has nothing at this address: correct the address.") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise SourceRejectedError(
            "The credentials of the service may not read this address: let the bucket's policy allow it."
        ) from error
    except BaseError as error:
        raise SourceUnavailableError(f"The bucket could not be read ({type(error).__name__})") from error
    if not any(target.iterdir()):
        raise SourceRejectedError("The bucket has nothing at this address: correct the address.")
    return target


def _check_size(size_bytes: int, limits: ImportLimits) -> None:
    if size_bytes > limits.max_total_bytes:
        raise SourceRejectedError(
            f"The zip has more than {limits.max_total_bytes >> 30} GiB: use fewer or smaller images."
        )


def _list(store: S3Store, prefix: str, base: str) -> Iterator[RemoteFile]:
    for page in obstore.list(store, prefix or None):
        for entry in page:
            if not entry["path"].endswith("/"):
                yield RemoteFile(entry["path"].removeprefix(base), entry["size"])


def _fetch(store: S3Store, key: str, path: Path, check_wanted: Callable[[], None]) -> None:
    with path.open("xb") as file:
        for chunk in obstore.get(store, key).stream(_CHUNK_BYTES):
            check_wanted()
            file.write(chunk)
