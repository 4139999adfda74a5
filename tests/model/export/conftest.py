import pytest
import torch
from torch import nn

from model.export.trained_network import TrainedNetwork
from model.network.resnet9 import ResNet9, published_weights

IMAGE_SIZE = 18


@pytest.fixture(scope="module")
def network(narrow_network: None) -> ResNet9:
    """A network whose batch norms have running statistics that are not the initial ones."""
    torch.manual_seed(0)
    network = ResNet9(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.register_buffer("running_mean", torch.rand(module.num_features) - 0.5)
            module.register_buffer("running_var", torch.rand(module.num_features) + 0.5)
    return network.eval()


@pytest.fixture(scope="module")
def trained(network: ResNet9) -> TrainedNetwork:
    """The same network as arrays."""
    weights = {name: tensor.numpy() for name, tensor in published_weights(network).items()}
    return TrainedNetwork(weights, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), IMAGE_SIZE, temperature=1.7)
