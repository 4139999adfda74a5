"""Opens the storage that a URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.local import LocalStorage

_SUPPORTED = "use file:///path/to/storage, or s3://bucket/prefix"


def open_storage(url: str) -> Storage:
    """Return the storage with a URL such as `file:///var/lib/ninefold/storage` or `s3://bucket/prefix`.

    Raises:
        StorageError: the URL is invalid. Whether the storage can be reached is not checked.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _open_s3(parts.netloc, parts.path)
    if parts.scheme != "file":
        raise StorageError(
            f"Storage URLs of the kind {parts.scheme or 'without a scheme'!r} are not supported: {_SUPPORTED}."
        )
    path = Path(unquote(parts.path))
    if parts.netloc not in ("", "localhost") or not path.is_absolute() or "\0" in str(path):
        raise StorageError(
            "A file:// URL needs an absolute path after three slashes: file:///path/to/storage."
        )
    return LocalStorage(path)


def _open_s3(bucket: str, path: str) -> Storage:
    from model.storage.s3 import S3Storage  # noqa: PLC0415  # imports obstore, which file:// storage does not need

    return S3Storage(bucket, path.strip("/"))
