"""What a trainer process does: start, wait for a job, train it, report how it ended, exit."""

import argparse
import faulthandler
import logging
import os
import sys
import traceback
from collections.abc import Callable

from model.artifact.manifest import ManifestDraft
from model.errors import ModelError, RankDiedError
from model.host import lease_clock
from model.host.parent import die_with_parent
from model.training.reporter import Drained
from worker.attempt.messages import DrainCompleted, Failed, Line, write_line
from worker.attempt.out_of_memory import mentions_out_of_memory
from worker.kinds.training.messages import Ready, Staged, Start
from worker.kinds.training.trainer.commands import CommandReceiver
from worker.kinds.training.trainer.reporter import PipeReporter
from worker.queue.states import Outcome

Train = Callable[[Start, PipeReporter], ManifestDraft]


def serve(warm_up: Callable[[], None], train: Train, clock: Callable[[], float] = lease_clock.now) -> None:
    """Be a trainer for one job: `warm_up` runs before the job arrives, `train` does its work."""
    arguments = _parse_arguments()
    die_with_parent(arguments.parent)  # a stuck trainer would not notice that stdin closed
    faulthandler.enable()  # a segmentation fault then leaves its stack in the log
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    commands = CommandReceiver(clock)
    commands.listen()
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:

        def send(message: Line) -> None:
            pipe.write(write_line(message))

        warm_up()
        send(Ready())
        start = commands.wait_for_start()
        send(_run(train, start, PipeReporter(commands, send)))
    sys.stdout.flush()
    # Not the interpreter's normal exit: it would wait for torch's threads and for the thread that reads stdin.
    os._exit(0)


def _run(train: Train, start: Start, reporter: PipeReporter) -> Line:
    """Train the job; every exception becomes a final message."""
    try:
        return Staged(draft=train(start, reporter))
    except Drained:
        return DrainCompleted()
    except RankDiedError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - stderr is the job's log
        os._exit(1)  # a death, as of a trainer with one process: no final message
    except ModelError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - stderr is the job's log
        return Failed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc()
        return _failure_message(error)


def _failure_message(error: Exception) -> Failed:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or mentions_out_of_memory([text]):
        return Failed(code=Outcome.OUT_OF_MEMORY, message=f"Training ran out of memory ({text[:200]}).")
    return Failed(code="internal_error", message=f"Training failed with an internal error: {text[:500]}")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.kinds.training.trainer")
    parser.add_argument(
        "--fd", type=int, required=True, help="file descriptor for messages to the supervisor"
    )
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    return parser.parse_args()
