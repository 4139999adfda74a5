"""How a recipe starts a network and moves its weights; it knows no data files and no epochs."""
# ruff: noqa: N803 - shapes in names: images_NCHW

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.resnet9 import BatchNorm, ConvBlock, ResNet9, published_weights
from model.recipes.recipe import KERAS_TIME_DECAY, Decay, Initialisation, Optimizer, Recipe
from model.recipes.schedule import OneCycle, Schedule, TimeDecay
from model.training.muon import Muon

_MOMENTUM = 0.9
# Page's bag of tricks: whitening that is not endless where patches hardly vary.
_WHITENING_EPSILON = 1e-2
_NO_VARIANCE = 1e-4
_STEPS_BETWEEN_AVERAGES = 5


def start_network(recipe: Recipe, num_classes: int) -> ResNet9:
    """The network as its recipe starts it, drawing from torch's own generator."""
    network = ResNet9(num_classes)
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.momentum, module.ghost_images = recipe.batch_norm_momentum, recipe.ghost_images
            module.weight.requires_grad_(not recipe.is_scale_frozen)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            _start_weight(module, recipe.initialisation)
    with torch.no_grad():
        network.head.weight.mul_(recipe.logit_scale)
    return network


def _start_weight(module: nn.Conv2d | nn.Linear, initialisation: Initialisation) -> None:
    if initialisation is Initialisation.GLOROT_UNIFORM:
        nn.init.xavier_uniform_(module.weight)
    elif initialisation is Initialisation.DIRAC and isinstance(module, nn.Conv2d):
        nn.init.dirac_(module.weight[: module.in_channels])


def make_schedule(recipe: Recipe, total_steps: int) -> Schedule:
    """The learning rate of each step of a run."""
    if recipe.decay is Decay.KERAS_TIME:
        return TimeDecay(recipe.learning_rate, KERAS_TIME_DECAY)
    return OneCycle(recipe.learning_rate, total_steps, recipe.warm_up_fraction, recipe.final_fraction)


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


def hold_rates(optimizer: torch.optim.SGD, device: torch.device) -> None:
    """Keep every group's rate in the device's memory, where a recorded step finds it."""
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"], device=device)


class Whitening:
    """Trains the first convolution W as C·P, where P whitens the 3x3 patches of the training images.

    Page's extra layer without the layer: W starts as C·P, and its gradient is multiplied by PᵀP, which
    is what a step of C does to W.
    """

    def __init__(self, network: ResNet9, whitening_PP: Tensor) -> None:
        first = network.features[0]
        assert isinstance(first, ConvBlock)  # noqa: S101 - for the type checker
        self._weight = first.conv.weight
        self._whitening_PP = whitening_PP.to(self._weight)
        self._gram_PP = self._whitening_PP @ self._whitening_PP

    @torch.no_grad()
    def start(self) -> None:
        """Turn a freshly started C into W."""
        self._weight.copy_((self._weight.flatten(1) @ self._whitening_PP).view(self._weight.shape))

    @torch.no_grad()
    def precondition(self) -> None:
        """Turn W's gradient into what a step of C means for it."""
        gradient = self._weight.grad
        if gradient is not None:
            gradient.copy_((gradient.flatten(1) @ self._gram_PP).view(gradient.shape))


def whitening_matrix(images_NCHW: Tensor) -> Tensor:
    """The symmetric matrix [27, 27] that makes 3x3 patches of normalised images white."""
    patches_NPL = functional.unfold(images_NCHW, kernel_size=3)
    variances_P, axes_PP = torch.linalg.eigh(patches_NPL.transpose(0, 1).flatten(1).double().cov())
    # Where patches never vary (the colours of a grey set) the network stays blind, instead of being
    # left with random weights that a tinted image would set off.
    gains_P = torch.where(variances_P > _NO_VARIANCE, (variances_P + _WHITENING_EPSILON).rsqrt(), 0.0)
    return torch.mm(axes_PP * gains_P, axes_PP.T)


class WeightAverage:
    """An exponential moving average of weights and batch-norm statistics, in a network of its own."""

    def __init__(self, network: ResNet9, horizon_steps: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._keep = math.exp(-_STEPS_BETWEEN_AVERAGES / horizon_steps)

    @torch.no_grad()
    def update(self, network: ResNet9, steps_done: int) -> None:
        """Take in the network after `steps_done` steps of the run; most steps change nothing."""
        if steps_done % _STEPS_BETWEEN_AVERAGES:
            return
        updates = steps_done // _STEPS_BETWEEN_AVERAGES
        # Early on a short memory, so that the untrained start is soon forgotten.
        keep = min(self._keep, updates / (updates + 10))
        mine, theirs = published_weights(self.network), published_weights(network)
        torch._foreach_lerp_(list(mine.values()), list(theirs.values()), 1 - keep)
