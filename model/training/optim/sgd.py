"""SGD with Nesterov momentum.

`torch.optim.SGD` computes the same. But the first optimizer of `torch.optim` imports torch's compiler, which no training
uses and which takes 2 s of CPU time and 160 MB.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.sgd import sgd


class Sgd:
    """Updates weights by their gradients. Each group of parameters has its own settings.

    Attributes:
        param_groups: one dictionary for each group: `params`, `lr`, `momentum`, `weight_decay`, `fused` (one kernel updates
            all weights of the group), and what the caller adds.
        state: of each weight, its `momentum_buffer` once it was updated.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]], *, lr: float, momentum: float) -> None:
        self.param_groups: list[dict[str, Any]] = [
            {"lr": lr, "momentum": momentum, "fused": True, **group} for group in groups
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = defaultdict(dict)

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights that have a gradient, once."""
        for group in self.param_groups:
            self._update(group)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                weight.grad = None

    def _update(self, group: Mapping[str, Any]) -> None:
        weights = [weight for weight in group["params"] if weight.grad is not None]
        sgd(
            weights,
            [weight.grad for weight in weights],
            [self._momentum_buffer(weight) for weight in weights],
            fused=group["fused"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=0,
            nesterov=True,
            maximize=False,
        )

    def _momentum_buffer(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        return state["momentum_buffer"]
