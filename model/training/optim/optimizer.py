"""Builds the optimizer of a recipe and sets its learning rates."""

from typing import Any

import torch
from torch import Tensor, nn

from model.network.resnet9 import ResNet9
from model.recipes.recipe import Optimizer, Recipe
from model.training.optim.muon import Muon
from model.training.optim.sgd import Sgd

_MOMENTUM = 0.9


def make_optimizer(network: ResNet9, recipe: Recipe) -> Sgd:
    """Return SGD with Nesterov momentum, or Muon for the convolutions. Only convolutions have weight decay.

    The learning rate of each parameter group is the rate of the schedule times the group's `scale`.
    """
    convolutions = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    groups = [
        *_convolution_groups(convolutions, recipe),
        {"params": [p for norm in norms for p in norm.parameters()], "weight_decay": 0.0, "scale": 1.0},
        {"params": [network.head.weight], "weight_decay": 0.0, "scale": recipe.logit_scale**2},
    ]
    kind = Muon if recipe.optimizer is Optimizer.MUON else Sgd
    return kind(groups, lr=recipe.learning_rate, momentum=_MOMENTUM)


def _convolution_groups(weights: list[Tensor], recipe: Recipe) -> list[dict[str, Any]]:
    sgd = {"weight_decay": recipe.weight_decay, "scale": 1.0}
    if recipe.optimizer is Optimizer.SGD:
        return [{"params": weights, **sgd}]
    muon = {"scale": recipe.muon_scale, "momentum": recipe.muon_momentum, "weight_decay": 0.0}
    # SGD updates the first convolution: the scale of its whitened filters matters, and Muon does not keep it.
    return [
        {"params": weights[:1], **sgd},
        {"params": weights[1:], "uses_muon": True, **muon},
    ]


def set_learning_rate(optimizer: Sgd, learning_rate: float) -> None:
    """Set every group's learning rate for the next step."""
    for group in optimizer.param_groups:
        rate = learning_rate * group["scale"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def keep_rates_on_device(optimizer: Sgd, device: torch.device) -> None:
    """Store every group's learning rate in device memory, where the kernels of a CUDA graph read it."""
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"], device=device)
