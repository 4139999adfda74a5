"""Trains on several devices of this host, with one process for each. PyTorch's elastic agent starts and watches them."""

import logging
import os
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from model.artifact.trained_model import TrainedModel
from model.device.ranks import Rank
from model.errors import ModelError, RankDiedError
from model.host.parent import die_with_parent
from model.training.rank import train_rank
from model.training.reporter import Drained, Reporter
from model.training.request import TrainingRequest

_NO_TIMEOUT = timedelta(days=365)
"""Ranks wait for rank 0 while it evaluates or while its worker's lease has expired. The agent detects a dead rank."""
_REPORTER_METHODS = ("phase", "progress", "epoch", "checkpoint", "rewind", "next_command")

Send = Callable[..., Any]
"""Sends a message (name, arguments) to the agent's process and returns the answer."""


def run_ranks(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Train on all devices of a request; return when all training processes have ended. Raises as `run_training` does."""
    agent_end, rank_end = Pipe()
    receiver = _Receiver(agent_end, reporter)
    # The ranks communicate within this host only.
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    for noisy in ("torch.distributed", "torchelastic-events-null"):
        logging.getLogger(noisy).disabled = True
    with tempfile.TemporaryDirectory(prefix="ninefold-ranks-") as folder:
        launch = elastic_launch(_launch_config(len(request.devices), folder), _run_rank)
        try:
            launch(os.getpid(), f"file://{folder}/ranks", request, rank_end)
        except ChildFailedError as error:
            raise RankDiedError(f"One of {len(request.devices)} training processes died: {error}") from error
        finally:
            rank_end.close()
            receiver.thread.join()
    return receiver.result()


def _launch_config(processes: int, folder: str) -> LaunchConfig:
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="ranks",
        rdzv_backend="c10d",
        rdzv_endpoint=f"{folder}/agent",
        rdzv_configs={"store_type": "file"},
        local_addr="127.0.0.1",
        max_restarts=0,
    )


class _Receiver:
    """Receives the messages of rank 0 in a thread: passes reports on and keeps the result."""

    def __init__(self, connection: Connection, reporter: Reporter) -> None:
        self._connection, self._reporter = connection, reporter
        self._trained: TrainedModel | None = None
        self._error: Exception | None = None
        self.thread = threading.Thread(target=self._receive, name="ranks", daemon=True)
        self.thread.start()

    def result(self) -> TrainedModel:
        """Return the trained model or raise the error that rank 0 reported."""
        if self._error:
            raise self._error
        assert self._trained, "rank 0 ended without a result"  # noqa: S101 - the agent would have raised
        return self._trained

    def _receive(self) -> None:
        while True:
            try:
                name, arguments = self._connection.recv()
            except EOFError:
                return
            self._connection.send(self._answer(name, arguments))

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> object:
        match name:
            case "trained":
                (self._trained,) = arguments
            case "drained":
                self._error = Drained()
            case "failed":
                code, message = arguments
                self._error = ModelError(message)
                self._error.code = code  # type: ignore[misc]  # the code of the error's class in the other process
            case _:
                return getattr(self._reporter, name)(*arguments)
        return None


class _PipeReporter:
    """The reporter of rank 0: sends each report to the agent's process and waits for the answer."""

    def __init__(self, send: Send) -> None:
        for name in _REPORTER_METHODS:
            setattr(self, name, partial(send, name))


class _SilentReporter:
    """The reporter of all other ranks: ignores every report."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_: None


def _run_rank(agent_pid: int, init_method: str, request: TrainingRequest, connection: Connection) -> None:
    """Run in each training process: train, and let rank 0 report the result."""
    die_with_parent(agent_pid)
    index, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    logging.basicConfig(level=logging.INFO if index == 0 else logging.ERROR, format="%(message)s")

    def send(name: str, *arguments: object) -> Any:
        if index:
            return None
        connection.send((name, arguments))
        return connection.recv()

    own_request = replace(request, threads=max(1, request.threads // world_size))
    try:
        rank = _join_process_group(init_method, index, request.devices)
        send("trained", train_rank(own_request, _reporter(index, send), rank))
    except Drained:
        send("drained")
    except ModelError as error:
        send("failed", error.code, str(error))
    except Exception:
        traceback.print_exc()
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _reporter(index: int, send: Send) -> Any:
    return _SilentReporter() if index else _PipeReporter(send)


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
