"""Reads and checks one bundle, and writes the files of its model into a folder. Knows no Redis and no storage."""

import argparse
import faulthandler
import logging
import os
import sys
import traceback
from pathlib import Path

from model.bundle.importing import read_bundle
from model.errors import ModelError, StorageError
from model.host.failpoints import Failpoint, reach
from model.host.parent import end_with_parent
from worker.attempt.messages import Failed, Line, PhaseBegun, write_line
from worker.attempt.out_of_memory import mentions_out_of_memory
from worker.kinds.model_import.messages import BundleRead
from worker.queue.states import Outcome, Phase

_THREADS = 1


def main() -> None:
    """Import one model."""
    arguments = _parse_arguments()
    end_with_parent(arguments.parent)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:
        pipe.write(write_line(PhaseBegun(phase=Phase.READING)))
        pipe.write(write_line(_import(arguments)))
    sys.stdout.flush()
    os._exit(0)  # the thread that reads stdin would be waited for


def _import(arguments: argparse.Namespace) -> Line:
    """Import the model; every exception becomes a final message."""
    try:
        return _read(arguments)
    except OSError as error:  # of this host, not of the bundle: another attempt may succeed
        return Failed(
            code=StorageError.code, message=f"The files of the model cannot be written: {error.strerror}."
        )
    except ModelError as error:
        return Failed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc(file=sys.stderr)
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, MemoryError) or mentions_out_of_memory([text]):
            return Failed(code=Outcome.OUT_OF_MEMORY, message=f"The import ran out of memory ({text[:200]}).")
        return Failed(
            code="internal_error",
            message=f"The import failed ({text[:200]}): this is the service's fault, and the worker's log says more.",
        )


def _read(arguments: argparse.Namespace) -> BundleRead:
    imported = read_bundle(arguments.bundle, _THREADS)
    for name, data in imported.files.items():
        (arguments.out / name).write_bytes(data)
    reach(Failpoint.IMPORT_READ)
    return BundleRead(name=imported.name, draft=imported.draft)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.kinds.model_import.importer")
    parser.add_argument("--bundle", type=Path, required=True, help="the zip")
    parser.add_argument("--out", type=Path, required=True, help="empty folder for the files of the model")
    parser.add_argument("--fd", type=int, required=True, help="file descriptor for messages")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker")
    return parser.parse_args()


if __name__ == "__main__":
    main()
