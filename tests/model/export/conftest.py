import pytest

from model.export.trained_network import TrainedNetwork
from model.network.resnet9 import ResNet9
from tests.model.networks import as_arrays, network_with_statistics

IMAGE_SIZE = 18


@pytest.fixture(scope="module")
def network(narrow_network: None) -> ResNet9:
    """A network whose batch norms have running statistics that are not the initial ones."""
    return network_with_statistics()


@pytest.fixture(scope="module")
def trained(network: ResNet9) -> TrainedNetwork:
    """The same network as arrays."""
    return as_arrays(network, IMAGE_SIZE)
