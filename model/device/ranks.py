"""The processes that train one network together, a device each; alone there is nothing to agree on."""
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
    """One process's place among those that train together; all make the same steps, each on its share of the batch."""

    index: int = 0
    world_size: int = 1
    control_group: distributed.ProcessGroup | None = None
    """Between the hosts' processors: agreeing over it makes no device wait."""

    @property
    def is_first(self) -> bool:
        """Whether this one decides, judges, reports and saves."""
        return self.index == 0

    def broadcast(self, decide: Callable[[], list[float]], length: int) -> list[float]:
        """What the first rank decides, so many numbers; the others do not ask themselves."""
        if self.world_size == 1:
            return decide()
        decided = torch.tensor(decide() if self.is_first else [0.0] * length, dtype=torch.float64)
        distributed.broadcast(decided, src=0, group=self.control_group)
        return decided.tolist()

    def shard(self, batch_N: Tensor) -> Tensor:
        """This one's part of a batch: parts do not overlap, and their sizes differ by one at most."""
        return batch_N.tensor_split(self.world_size)[self.index]

    def sum_over_ranks(self, values: Tensor) -> Tensor:
        """The sum over all ranks."""
        if self.world_size > 1:
            distributed.all_reduce(values)
        return values

    def data_parallel(self, network: ResNet9) -> nn.Module:
        """The network as the training step calls it: its gradients become the mean over all ranks."""
        if self.world_size == 1:
            return network
        return DistributedDataParallel(network)


SINGLE_PROCESS = Rank()


def no_sync(network: nn.Module) -> AbstractContextManager[None]:
    """Within it, gradients add up on their own rank."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()
