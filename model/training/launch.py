"""Trains on several devices of this host: this process is the first rank, and starts a process for each other rank."""

import logging
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import torch
from torch import distributed

from model.artifact.trained_model import TrainedModel
from model.device.device import is_out_of_memory
from model.device.ranks import Rank
from model.errors import ModelError, RankDiedError, RankFailedError
from model.host.parent import die_with_parent
from model.training.rank import train_rank
from model.training.reporter import Drained, Reporter
from model.training.request import TrainingRequest

_NO_TIMEOUT = timedelta(days=365)
"""Ranks wait for rank 0 while it evaluates or while its worker's lease has expired. `run_ranks` detects a dead rank."""
_POLL_S = 0.2
_GRACE_S = 5.0
"""Time for the other side of a broken connection to end by itself."""
_SPAWN = multiprocessing.get_context("spawn")  # CUDA does not work in a forked process


def run_ranks(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Train on all devices of a request; return when all processes but this one have ended. Raises as `run_training` does.

    The first rank trains in a thread, because a collective operation whose partner died may wait for ever.
    """
    # The ranks communicate within this host only.
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    logging.getLogger("torch.distributed").disabled = True
    with tempfile.TemporaryDirectory(prefix="ninefold-ranks-") as folder:
        init_method = f"file://{folder}/ranks"
        others = [_OtherRank(index, init_method, request) for index in range(1, len(request.devices))]
        first = _in_thread(lambda: _train(0, init_method, request, reporter))
        try:
            trained = _result(first, others)
            for other in others:
                other.process.join(_GRACE_S)
            return trained
        finally:
            for other in others:
                other.kill()
            wait([first], timeout=_GRACE_S)  # it notices that the other ranks are gone
            wait([_in_thread(_leave_process_group)], timeout=_GRACE_S)


class _OtherRank:
    """The process of a rank other than the first."""

    def __init__(self, index: int, init_method: str, request: TrainingRequest) -> None:
        self._index = index
        self._errors, own_end = _SPAWN.Pipe(duplex=False)
        arguments = (os.getpid(), index, init_method, request, own_end)
        self.process = _SPAWN.Process(target=_run_other_rank, args=arguments, daemon=True)
        self.process.start()
        own_end.close()

    @property
    def has_failed(self) -> bool:
        """Whether the process ended with an error or was killed."""
        return self.process.exitcode not in (None, 0)

    def error(self) -> tuple[float, Exception]:
        """Return when and why the process failed: the error that it sent, or that it died, which counts as the first error of all."""
        with suppress(EOFError, OSError):
            if self._errors.poll():
                at, code, text = self._errors.recv()
                return at, _named_error(code, text) if code else RankFailedError(self._index, text)
        return 0.0, RankDiedError(f"Training process {self._index} died (exit code {self.process.exitcode}).")

    def kill(self) -> None:
        """End the process if it has not ended."""
        self.process.kill()
        self.process.join()


def _result(first: "Future[TrainedModel]", others: Sequence[_OtherRank]) -> TrainedModel:
    """Wait for the first rank; raise its error, or the error of the other rank that caused it."""
    while not first.done() and not any(other.has_failed for other in others):
        wait([first], timeout=_POLL_S)
    wait([first], timeout=_GRACE_S)  # an error of its own goes before the errors of the other ranks
    error = first.exception() if first.done() else None
    if first.done() and not _may_be_caused_by_another_rank(error):
        return first.result()
    deadline = time.monotonic() + _GRACE_S
    while not any(other.has_failed for other in others) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    failures = [other.error() for other in others if other.has_failed]
    if not failures:
        return first.result()
    raise min(failures, key=lambda failure: failure[0])[1] from error


def _may_be_caused_by_another_rank(error: BaseException | None) -> bool:
    """Whether a collective operation may have raised the error: it raises a plain RuntimeError when a partner is gone."""
    return isinstance(error, RuntimeError) and not is_out_of_memory(error)


def _named_error(code: str, message: str) -> ModelError:
    error = ModelError(message)
    error.code = code  # type: ignore[misc]  # the code of the error's class in the other process
    return error


def _in_thread(work: Callable[[], Any]) -> "Future[Any]":
    """Run a function in a thread that does not keep this process alive."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is read
            future.set_exception(error)

    Thread(target=run, name="first-rank", daemon=True).start()
    return future


class _SilentReporter:
    """The reporter of all ranks but the first: ignores every report."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_: None


def _run_other_rank(
    parent_pid: int, index: int, init_method: str, request: TrainingRequest, errors: Connection
) -> None:
    """Train as another rank than the first; send an error to the first rank's process and exit with status 1."""
    die_with_parent(parent_pid)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the first rank ends the others
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    reporter: Any = _SilentReporter()
    try:
        with suppress(Drained):
            _train(index, init_method, request, reporter)
    except ModelError as error:
        errors.send((time.monotonic(), error.code, str(error)))
        os._exit(1)
    except Exception as error:  # noqa: BLE001 - the boundary of a process
        traceback.print_exc()
        errors.send((time.monotonic(), None, f"{type(error).__name__}: {error}"))
        os._exit(1)  # not the interpreter's normal exit, which would wait for the other ranks


def _train(index: int, init_method: str, request: TrainingRequest, reporter: Reporter) -> TrainedModel | None:
    """Do the work of one rank. After an error, its connections to the other ranks stay open."""
    own_request = replace(request, threads=max(1, request.threads // len(request.devices)))
    rank = _join_process_group(init_method, index, request.devices)
    try:
        trained = train_rank(own_request, reporter, rank)
    except Drained:
        _leave_process_group()
        raise
    _leave_process_group()
    return trained


def _join_process_group(init_method: str, index: int, devices: tuple[str, ...]) -> Rank:
    is_cuda = devices[index].startswith("cuda")
    if is_cuda:
        torch.cuda.set_device(devices[index])
    distributed.init_process_group(
        "nccl" if is_cuda else "gloo",
        init_method=init_method,
        rank=index,
        world_size=len(devices),
        timeout=_NO_TIMEOUT,
    )
    control_group = distributed.new_group(backend="gloo", timeout=_NO_TIMEOUT)
    assert isinstance(control_group, distributed.ProcessGroup)  # noqa: S101 - every rank is a member
    return Rank(index, len(devices), control_group)


def _leave_process_group() -> None:
    if not distributed.is_initialized():
        return
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()  # the other ranks wait for this rank's part of what was launched
    distributed.destroy_process_group()
