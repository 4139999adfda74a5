"""Makes networks for tests."""

import torch
from torch import nn

from model.export.trained_network import TrainedNetwork
from model.network.resnet9 import ResNet9, published_weights


def network_with_statistics(classes: int = 3) -> ResNet9:
    """Make a network whose batch norms have running statistics that are not the initial ones."""
    torch.manual_seed(0)
    network = ResNet9(classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.register_buffer("running_mean", torch.rand(module.num_features) - 0.5)
            module.register_buffer("running_var", torch.rand(module.num_features) + 0.5)
    return network.eval()


def as_arrays(network: ResNet9, image_size: int) -> TrainedNetwork:
    """Return the same network as arrays, with a normalisation and a temperature."""
    weights = {name: tensor.numpy() for name, tensor in published_weights(network).items()}
    return TrainedNetwork(weights, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), image_size, temperature=1.7)
