"""The trainer: trains one job in a process of its own, told what to do on stdin. Knows no Redis.

The only module here that imports torch, and not before a closing stdin and a dying parent would end it.
"""

import argparse
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

from model.artifact.manifest import ManifestDraft
from model.commands.tensorboard import with_tensorboard
from model.errors import ModelError, RankDiedError
from model.host.cpus import limit_openmp_spinning
from model.host.failpoints import Failpoint, reach
from model.host.parent import die_with_parent
from model.storage.opening import open_storage
from model.training.reporter import CheckpointSaved, Command, Drained, EpochRow, Progress
from model.training.request import TrainingRequest
from worker.kinds.training import messages
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    EpochEnded,
    Failed,
    Message,
    Order,
    PhaseBegun,
    Progressed,
    Ready,
    Renewed,
    Rewound,
    Staged,
    Start,
    Stop,
    read_order,
    write_line,
)
from worker.kinds.training.out_of_memory import says_out_of_memory
from worker.queue import records
from worker.queue.states import Outcome, Phase

PROGRESS_EVERY_S = 0.5


class Orders:
    """What the supervisor has said so far; heard by a thread, so that an end of stdin is heard at any time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._start: Start | None = None
        self._deadline = 0.0
        self._is_draining = False
        self._is_stopping = False

    def listen(self) -> None:
        """Hear orders from now on; when stdin closes the supervisor is gone, and so is this process."""
        threading.Thread(target=self._hear_all, name="orders", daemon=True).start()

    def await_start(self) -> Start:
        """The job, once it comes."""
        with self._changed:
            while self._start is None:
                self._changed.wait()
            return self._start

    def gate(self) -> Command:
        """Wait while the lease is not ours; then go on, drain or stop."""
        with self._changed:
            while not self._is_draining and time.monotonic() >= self._deadline:
                self._changed.wait()
            if self._is_draining:
                return Command.DRAIN
            return Command.STOP if self._is_stopping else Command.CONTINUE

    def _hear_all(self) -> None:
        with open(0, "rb", closefd=False) as lines:
            for line in lines:
                self._hear(read_order(line))
        os._exit(0)

    def _hear(self, order: Order) -> None:
        with self._changed:
            match order:
                case Start():
                    self._start, self._deadline = order, order.deadline
                    self._is_stopping = order.should_stop
                case Renewed():
                    self._deadline = max(self._deadline, order.deadline)
                case Drain():
                    self._is_draining = True
                case Stop():
                    self._is_stopping = True
            self._changed.notify_all()


class PipeReporter:
    """Tells the supervisor how training goes."""

    def __init__(self, orders: Orders, say: Callable[[Message], None]) -> None:
        self._say = say
        self._said_progress_at = 0.0
        self.gate = orders.gate

    def phase(self, phase: str) -> None:
        """Say what is done now."""
        self._say(PhaseBegun(phase=Phase(phase)))

    def rewind(self, epoch: int) -> None:
        """Say that what came after this epoch happens anew."""
        self._say(Rewound(epoch=epoch))

    def progress(self, progress: Progress) -> None:
        """Say how far it is, twice a second at most."""
        now = time.monotonic()
        if now - self._said_progress_at < PROGRESS_EVERY_S:
            return
        self._said_progress_at = now
        self._say(
            Progressed(
                progress=records.Progress(
                    epoch=progress.epoch,
                    epochs=progress.epochs,
                    fraction=progress.fraction,
                    images_per_s=progress.images_per_s,
                    eta_s=progress.eta_s,
                )
            )
        )

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Say an epoch's metrics."""
        best = records.Best(epoch=row.epoch, val_accuracy=row.val_accuracy) if is_best else None
        self._say(EpochEnded(row=records.EpochRow(**vars(row)), best=best))

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """Say that a checkpoint is stored."""
        self._say(CheckpointPut(checkpoint=records.Checkpoint(**vars(saved))))
        reach(Failpoint.CHECKPOINT_REPORTED)


def main() -> None:
    """Be the trainer."""
    serve(_warm_up, _train)


def serve(warm_up: Callable[[], None], train: Callable[[Start, PipeReporter], ManifestDraft]) -> None:
    """Get ready, wait for a job, train it, say how it ended, exit."""
    arguments = _parse_arguments()
    die_with_parent(arguments.parent)  # a closing stdin alone cannot end a stuck one
    faulthandler.enable()  # a segfault then leaves its stack in the log
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    orders = Orders()
    orders.listen()
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:

        def say(message: Message) -> None:
            pipe.write(write_line(message))

        warm_up()
        say(Ready())
        start = orders.await_start()
        say(_attempt(train, start, PipeReporter(orders, say)))
    sys.stdout.flush()
    # Not by the interpreter's own end: that waits for torch's threads and for the one that reads stdin.
    os._exit(0)


def _attempt(
    train: Callable[[Start, PipeReporter], ManifestDraft], start: Start, reporter: PipeReporter
) -> Message:
    """Train; whatever happens, there is a last word."""
    try:
        return Staged(draft=train(start, reporter))
    except Drained:
        return messages.Drained()
    except RankDiedError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - stderr is the job's log
        os._exit(1)  # as any trainer that dies: without a last word
    except ModelError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - stderr is the job's log
        return Failed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc()
        return _explain(error)


def _warm_up() -> None:
    """Spend the seconds that nobody should wait for later.

    The first optimizer imports torch's compiler (2 to 3 s on an idle machine), the first step loads kernels
    and starts threads.
    """
    limit_openmp_spinning()
    import torch  # noqa: PLC0415 - seconds: after all that may end this process

    import model.training.training  # noqa: F401, PLC0415 - as above

    convolution = torch.nn.Conv2d(3, 8, 3, bias=False).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(convolution.parameters(), lr=0.1)
    convolution(torch.zeros(2, 3, 16, 16)).sum().backward()
    optimizer.step()


def _train(start: Start, reporter: PipeReporter) -> ManifestDraft:
    from model.artifact.staging import stage_model  # noqa: PLC0415 - see main
    from model.training.training import run_training  # noqa: PLC0415 - see main

    storage = open_storage(start.storage)
    request = TrainingRequest(
        spec=start.spec,
        out_prefix=start.out_prefix,
        resume_from=start.resume_from,
        fall_back_to=start.fall_back_to,
        devices=tuple(map(_choose_device, start.devices)),
        threads=start.threads,
        batch_parts=start.batch_parts,
        pauses=start.pauses,
        cache_dir=start.cache_dir,
        storage=storage,
    )
    trained = run_training(request, with_tensorboard(reporter, start.curves) if start.curves else reporter)
    reporter.phase(Phase.PUBLISHING)
    return stage_model(trained, storage, start.model_id)


def _choose_device(wanted: str) -> str:
    """`auto` is for the trainer to decide: nobody else can ask torch."""
    import torch  # noqa: PLC0415 - see main

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _explain(error: Exception) -> Failed:
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or says_out_of_memory([message]):
        return Failed(code=Outcome.OUT_OF_MEMORY, message=f"Training ran out of memory ({message[:200]}).")
    return Failed(code="internal_error", message=f"Training failed with an error of ours: {message[:500]}")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.kinds.training.trainer")
    parser.add_argument("--fd", type=int, required=True, help="where messages to the supervisor go")
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")
    return parser.parse_args()


if __name__ == "__main__":
    main()
