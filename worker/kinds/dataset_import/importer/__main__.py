"""Reads an upload and writes its dataset into a folder. Knows no storage but that folder, no Redis and no secret."""

import argparse
import errno
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from model.data.archive import ImportLimits
from model.data.built_in.contents import built_in_source
from model.data.import_options import NO_OPTIONS, ImportOptions
from model.data.importing import import_dataset
from model.data.record import DatasetRecord
from model.data.versions.making import Parent, make_version
from model.errors import DatasetRejectedError, ModelError, StorageError
from model.host.failpoints import Failpoint, reach
from model.host.parent import end_with_parent
from model.storage.local import LocalStorage
from worker.attempt.messages import PROGRESS_EVERY_S, Failed, Line, PhaseBegun, write_line
from worker.kinds.dataset_import.messages import DatasetWritten, FilesRead
from worker.queue.records import ImportProgress
from worker.queue.states import Phase

_DISK_FAILURES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE})

MEMORY_BYTES = 4 * 2**30
_TOO_MUCH_MEMORY = (
    "Reading the images needs more memory than is allowed: use smaller images, or fewer in one zip."
)


class ProgressSender:
    """Sends the number of files read, at most once a second, and the beginning of storing."""

    def __init__(self, send: Callable[[Line], None]) -> None:
        self._send = send
        self._sent_at = 0.0

    def __call__(self, files: int, total: int) -> None:
        """Report that `files` of `total` files are read."""
        is_last = files == total
        if is_last or time.monotonic() - self._sent_at >= PROGRESS_EVERY_S:
            self._sent_at = time.monotonic()
            self._send(FilesRead(progress=ImportProgress(files=files, total=total, fraction=files / total)))
        if is_last:
            self._send(PhaseBegun(phase=Phase.STORING))


def main() -> None:
    """Import one upload."""
    arguments = _parse_arguments()
    end_with_parent(arguments.parent)
    with suppress(ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:

        def send(message: Line) -> None:
            pipe.write(write_line(message))

        send(PhaseBegun(phase=Phase.READING))
        send(_import(arguments, ProgressSender(send)))
    os._exit(0)  # the thread that reads stdin would be waited for


def _import(arguments: argparse.Namespace, on_progress: ProgressSender) -> Line:
    """Import the upload; every exception becomes a final message."""
    try:
        record = _make_dataset(arguments, on_progress)
    except ModelError as error:
        return Failed(code=error.code, message=str(error))
    except MemoryError:
        return Failed(code=DatasetRejectedError.code, message=_TOO_MUCH_MEMORY)
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc(file=sys.stderr)
        if isinstance(error, OSError) and error.errno in _DISK_FAILURES:
            return Failed(code=StorageError.code, message=f"The worker's disk failed: {error.strerror}.")
        return Failed(
            code="internal_error",
            message=f"The service failed while it read the zip ({type(error).__name__}): this is the service's fault, "
            "and the worker's log says more.",
        )
    reach(Failpoint.IMPORT_READ)
    return DatasetWritten(record=record)


def _make_dataset(arguments: argparse.Namespace, on_progress: ProgressSender) -> DatasetRecord:
    storage = LocalStorage(arguments.out)
    if arguments.base_id:
        return make_version(
            Parent(arguments.base_id, arguments.base_images, arguments.base_index),
            arguments.source,
            storage,
            arguments.name,
            options=arguments.options,
            on_progress=on_progress,
        )
    source = built_in_source(arguments.built_in, arguments.source) if arguments.built_in else arguments.source
    return import_dataset(
        source,
        storage,
        arguments.name,
        options=arguments.options,
        limits=ImportLimits(within=tuple(arguments.within)),
        expected_id=arguments.expected_id,
        on_progress=on_progress,
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.kinds.dataset_import.importer")
    parser.add_argument("--source", type=Path, required=True, help="the zip or the folder")
    parser.add_argument("--built-in", help="read this built-in dataset; the source is then the cache folder")
    parser.add_argument(
        "--within", type=Path, action="append", default=[], help="a folder in which all files must lie"
    )
    parser.add_argument(
        "--base-id", help="make the next version of this dataset; the zip may hold corrections"
    )
    parser.add_argument("--base-images", type=Path, help="the zip of that dataset's images")
    parser.add_argument("--base-index", type=Path, help="the index of that dataset")
    parser.add_argument("--out", type=Path, required=True, help="folder that receives the dataset")
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument("--expected-id", help="fail unless the dataset has this id")
    parser.add_argument(
        "--options", type=ImportOptions.model_validate_json, default=NO_OPTIONS, help="as JSON"
    )
    parser.add_argument("--fd", type=int, required=True, help="file descriptor for messages")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker")
    return parser.parse_args()


if __name__ == "__main__":
    main()
