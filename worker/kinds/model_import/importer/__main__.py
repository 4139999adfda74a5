"""Reads and checks one bundle, and writes the files of its model into a folder. Knows no Redis and no storage."""

import argparse
from pathlib import Path

from model.bundle.importing import read_bundle
from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from worker.attempt.messages import Failed, Line
from worker.kinds.child_program import child_parser, run_child
from worker.kinds.model_import.messages import BundleRead
from worker.queue.states import Phase

_THREADS = 1


def main() -> None:
    """Import one model."""
    arguments = _parse_arguments()
    run_child(arguments, "import", Phase.READING, lambda _: _import(arguments))


def _import(arguments: argparse.Namespace) -> Line:
    try:
        return _read(arguments)
    except OSError as error:  # of this host, not of the bundle: another attempt may succeed
        return Failed(
            code=StorageError.code, message=f"The files of the model cannot be written: {error.strerror}."
        )


def _read(arguments: argparse.Namespace) -> BundleRead:
    imported = read_bundle(arguments.bundle, _THREADS)
    for name, data in imported.files.items():
        (arguments.out / name).write_bytes(data)
    reach(Failpoint.IMPORT_READ)
    return BundleRead(name=imported.name, draft=imported.draft)


def _parse_arguments() -> argparse.Namespace:
    parser = child_parser("worker.kinds.model_import.importer")
    parser.add_argument("--bundle", type=Path, required=True, help="the zip")
    parser.add_argument("--out", type=Path, required=True, help="empty folder for the files of the model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
