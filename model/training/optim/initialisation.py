"""Initialises the network as its recipe says."""

import torch
from torch import nn

from model.network.resnet9 import BatchNorm, ResNet9
from model.recipes.recipe import Initialisation, Recipe


def initialise_network(recipe: Recipe, num_classes: int) -> ResNet9:
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
