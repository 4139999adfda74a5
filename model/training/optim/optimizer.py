"""Builds the optimizer and sets its learning rates."""

from typing import Any

import torch
from torch import Tensor, nn

from model.network.resnet9 import BatchNorm, ResNet9
from model.recipes.recipe import Optimizer, Recipe
from model.training.optim.muon import Muon

_MOMENTUM = 0.9


def make_optimizer(network: ResNet9, recipe: Recipe) -> torch.optim.SGD:
    """Nesterov SGD; only convolutions decay. Each group's rate is the schedule's times its `scale`."""
    convolutions = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, BatchNorm)]
    scales = [m.weight for m in norms if m.weight.requires_grad]
    groups = [
        *_convolution_groups(convolutions, recipe),
        {"params": [m.bias for m in norms], "weight_decay": 0.0, "scale": recipe.bias_rate},
        {"params": [network.head.weight], "weight_decay": 0.0, "scale": recipe.logit_scale**2},
    ]
    if scales:
        groups.append({"params": scales, "weight_decay": 0.0, "scale": 1.0})
    kind = Muon if recipe.optimizer is Optimizer.MUON else torch.optim.SGD
    return kind(groups, lr=recipe.learning_rate, momentum=_MOMENTUM, nesterov=True, fused=True)


def _convolution_groups(weights: list[Tensor], recipe: Recipe) -> list[dict[str, Any]]:
    decay = {"weight_decay": recipe.weight_decay, "scale": 1.0}
    if recipe.optimizer is Optimizer.SGD:
        return [{"params": weights, **decay}]
    # The first convolution is whitened: its filters have the scale of the patches.
    pace = {"scale": recipe.muon_scale, "momentum": recipe.muon_momentum}
    return [
        {"params": weights[:1], **decay},
        {"params": weights[1:], "is_orthogonal": True, "weight_decay": 0.0, **pace},
    ]


def set_learning_rate(optimizer: torch.optim.SGD, learning_rate: float) -> None:
    """Set every group's rate for the next step."""
    for group in optimizer.param_groups:
        rate = learning_rate * group["scale"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def keep_rates_on_device(optimizer: torch.optim.SGD, device: torch.device) -> None:
    """Keep every group's rate in the device's memory, where a recorded step finds it."""
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"], device=device)
