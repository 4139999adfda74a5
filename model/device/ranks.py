"""Data-parallel training: several processes, one for each device, train one network together.

Terms are those of `torch.distributed`: each process has a rank, and their number is the world size.
"""
# ruff: noqa: N803 - shapes in names: images_NHWC

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from model.network.resnet9 import ResNet9


@dataclass(frozen=True)
class Rank:
    """One of the processes that train together. All make the same steps, each on its own shard of every batch.

    With a world size of 1 every method is local and needs no process group.
    """

    index: int = 0
    world_size: int = 1
    control_group: distributed.ProcessGroup | None = None
    """A gloo group between the hosts' CPUs: broadcasts over it do not synchronise with a GPU."""

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which decides, evaluates, reports and saves for all."""
        return self.index == 0

    def broadcast(self, compute: Callable[[], list[float]], length: int) -> list[float]:
        """Return the `length` numbers that `compute` returns on rank 0; the other ranks do not call it."""
        if self.world_size == 1:
            return compute()
        values = torch.tensor(compute() if self.is_first else [0.0] * length, dtype=torch.float64)
        distributed.broadcast(values, src=0, group=self.control_group)
        return values.tolist()

    def shard(self, batch_N: Tensor) -> Tensor:
        """Return this rank's shard of a batch. Shards do not overlap, and their sizes differ by at most one."""
        return batch_N.tensor_split(self.world_size)[self.index]

    def sum_over_ranks(self, values: Tensor) -> Tensor:
        """Return the sum of the ranks' values (all-reduce)."""
        if self.world_size > 1:
            distributed.all_reduce(values)
        return values

    def data_parallel(self, network: ResNet9) -> nn.Module:
        """Wrap the network so that a backward pass averages the gradients over all ranks."""
        if self.world_size == 1:
            return network
        return DistributedDataParallel(network)


SINGLE_PROCESS = Rank()


def no_sync(network: nn.Module) -> AbstractContextManager[None]:
    """Accumulate gradients locally, without averaging over the ranks, in backward passes within this context."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()
