"""What the programs of child processes share: how they start, send messages, and turn every exception into a message."""

import argparse
import faulthandler
import logging
import os
import sys
import traceback
from collections.abc import Callable

from model.errors import ModelError
from model.host.parent import end_with_parent
from worker.attempt.messages import Failed, Line, PhaseBegun, write_line
from worker.attempt.out_of_memory import mentions_out_of_memory
from worker.errors import ModelNotFoundError
from worker.queue.states import Outcome, Phase

Send = Callable[[Line], None]


def child_parser(module: str) -> argparse.ArgumentParser:
    """Return a parser of the arguments that every child process gets."""
    parser = argparse.ArgumentParser(prog=module)
    parser.add_argument("--fd", type=int, required=True, help="file descriptor for messages")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker")
    return parser


def run_child(
    arguments: argparse.Namespace, work: str, first_phase: Phase, do: Callable[[Send], Line]
) -> None:
    """Do the work of a child process, send its final message, and exit.

    Args:
        arguments: with those of `child_parser`.
        work: what the process does, for messages.
        first_phase: begins at once.
        do: does the work, and returns the final message.
    """
    end_with_parent(arguments.parent)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:

        def send(message: Line) -> None:
            pipe.write(write_line(message))

        send(PhaseBegun(phase=first_phase))
        send(_final_message(work, lambda: do(send)))
    sys.stdout.flush()
    os._exit(0)  # the thread that reads stdin, and those of libraries, would be waited for


def _final_message(work: str, do: Callable[[], Line]) -> Line:
    try:
        return do()
    except (ModelError, ModelNotFoundError) as error:
        return Failed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc(file=sys.stderr)
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, MemoryError) or mentions_out_of_memory([text]):
            return Failed(code=Outcome.OUT_OF_MEMORY, message=f"The {work} ran out of memory ({text[:200]}).")
        return Failed(
            code="internal_error",
            message=f"The {work} failed ({text[:200]}): this is the service's fault, and the worker's log says more.",
        )
