"""Provides the zip of an import as one local file, also where it arrived in parts."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import StorageError
from model.storage.interface import Storage
from worker.queue.calls.uploads import PARTS, parts_list_key

_BUFFER_BYTES = 1 << 20


@contextmanager
def uploaded_zip(storage: Storage, upload: str, check_wanted: Callable[[], None]) -> Iterator[Path]:
    """Provide an upload as a file, which must not be changed.

    Args:
        storage: the storage of the upload's project.
        upload: the key of the zip, or the folder of its parts.
        check_wanted: is called between parts; may raise to end the work.

    Raises:
        ObjectMissingError: the upload is no longer in storage.
        StorageError: storage failed.
    """
    if upload.endswith(".zip"):
        with storage.as_file(upload) as path:
            yield path
        return
    with storage.working_folder() as folder:
        path = folder / "upload.zip"
        _join_parts(storage, upload, path, check_wanted)
        yield path


def _join_parts(storage: Storage, upload: str, path: Path, check_wanted: Callable[[], None]) -> None:
    try:
        with path.open("xb") as whole:
            for part in PARTS.validate_json(storage.read_bytes(parts_list_key(upload))):
                check_wanted()
                with storage.as_file(part.key) as part_path, part_path.open("rb") as data:
                    shutil.copyfileobj(data, whole, _BUFFER_BYTES)
    except OSError as error:
        raise StorageError(f"Storage cannot join an upload: {error.strerror or error}.") from error
