"""Trains on several devices of this host: a process for each, started and watched by torchrun's elastic agent."""

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

_LONGER_THAN_ANY_WAIT = timedelta(days=365)
"""Others wait while the first rank judges, or while the lease is not ours: for a death the agent looks itself."""

Say = Callable[..., Any]


def run_ranks(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Train on all devices of a request, and wait until no process is left; raises as `run_training` does."""
    ours, theirs = Pipe()
    told = _Told(ours, reporter)
    # Whatever they say to each other stays on this host.
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    for chatty in ("torch.distributed", "torchelastic-events-null"):
        logging.getLogger(chatty).disabled = True
    with tempfile.TemporaryDirectory(prefix="ninefold-ranks-") as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=len(request.devices),
            run_id="ranks",
            rdzv_backend="c10d",
            rdzv_endpoint=f"{folder}/agent",
            rdzv_configs={"store_type": "file"},
            local_addr="127.0.0.1",
            max_restarts=0,
        )
        try:
            elastic_launch(config, _be_a_rank)(os.getpid(), f"file://{folder}/ranks", request, theirs)
        except ChildFailedError as error:
            raise RankDiedError(f"One of {len(request.devices)} training processes died: {error}") from error
        finally:
            theirs.close()
            told.listener.join()
    return told.result()


class _Told:
    """What the first rank tells, heard by a thread."""

    def __init__(self, connection: Connection, reporter: Reporter) -> None:
        self._connection, self._reporter = connection, reporter
        self._trained: TrainedModel | None = None
        self._error: Exception | None = None
        self.listener = threading.Thread(target=self._listen, name="ranks", daemon=True)
        self.listener.start()

    def result(self) -> TrainedModel:
        if self._error:
            raise self._error
        assert self._trained, "a rank ended without a last word"  # noqa: S101 - the agent would have raised
        return self._trained

    def _listen(self) -> None:
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
                self._error.code = code  # type: ignore[misc]  # of its class, in the other process
            case _:
                return getattr(self._reporter, name)(*arguments)
        return None


class _Telling:
    """A reporter that tells the agent's process, and waits until it has heard."""

    def __init__(self, say: Say) -> None:
        for name in ("phase", "progress", "epoch", "checkpoint", "rewind", "next_command"):
            setattr(self, name, partial(say, name))


class _Silent:
    """The reporter of all other ranks."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_: None


def _be_a_rank(parent: int, meeting: str, request: TrainingRequest, connection: Connection) -> None:
    die_with_parent(parent)
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    logging.basicConfig(level=logging.INFO if rank == 0 else logging.ERROR, format="%(message)s")

    def say(name: str, *arguments: object) -> Any:
        if rank:
            return None
        connection.send((name, arguments))
        return connection.recv()

    own = replace(request, threads=max(1, request.threads // count))
    try:
        say("trained", train_rank(own, _reporter(rank, say), _join(meeting, rank, request.devices)))
    except Drained:
        say("drained")
    except ModelError as error:
        say("failed", error.code, str(error))
    except Exception:
        traceback.print_exc()
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _reporter(rank: int, say: Say) -> Any:
    return _Silent() if rank else _Telling(say)


def _join(meeting: str, rank: int, devices: tuple[str, ...]) -> Rank:
    is_cuda = devices[rank].startswith("cuda")
    if is_cuda:
        torch.cuda.set_device(devices[rank])
    distributed.init_process_group(
        "nccl" if is_cuda else "gloo",
        init_method=meeting,
        rank=rank,
        world_size=len(devices),
        timeout=_LONGER_THAN_ANY_WAIT,
    )
    control = distributed.new_group(backend="gloo", timeout=_LONGER_THAN_ANY_WAIT)
    assert isinstance(control, distributed.ProcessGroup)  # noqa: S101 - every rank is a member
    return Rank(rank, len(devices), control)
