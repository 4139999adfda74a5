"""Initialises the network's weights as its recipe says."""

import torch
from torch import nn

from model.network.resnet9 import ResNet9
from model.recipes.recipe import Initialisation, Recipe


def initialise_network(recipe: Recipe, num_classes: int) -> ResNet9:
    """Return a new network; its random weights are drawn from PyTorch's global generator."""
    network = ResNet9(num_classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.batch_norm_momentum
        elif isinstance(module, nn.Conv2d | nn.Linear):
            _initialise_weight(module, recipe.initialisation)
    with torch.no_grad():
        network.head.weight.mul_(recipe.logit_scale)
    return network


def _initialise_weight(module: nn.Conv2d | nn.Linear, initialisation: Initialisation) -> None:
    if initialisation is Initialisation.GLOROT_UNIFORM:
        nn.init.xavier_uniform_(module.weight)
    elif initialisation is Initialisation.DIRAC and isinstance(module, nn.Conv2d):
        # airbench (arXiv 2404.00498): the first C_in filters copy their input channels, the others stay random.
        nn.init.dirac_(module.weight[: module.in_channels])
