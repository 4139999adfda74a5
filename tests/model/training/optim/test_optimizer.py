"""Optimizers and initialisations change the training, never the network that is published."""

from dataclasses import replace

import pytest
import torch

from model.network.resnet9 import published_weights
from model.recipes.recipe import RECIPES, Initialisation, Optimizer
from model.spec import RecipeName
from model.training.optim.initialisation import initialise_network
from model.training.optim.optimizer import make_optimizer, set_learning_rate

pytestmark = pytest.mark.usefixtures("narrow_network")

FAST = RECIPES[RecipeName.FAST]
VARIANTS = {
    "muon": replace(FAST, optimizer=Optimizer.MUON, muon_scale=0.25),
    "dirac": replace(FAST, initialisation=Initialisation.DIRAC),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_learns_and_publishes_the_same_network(name: str) -> None:
    torch.manual_seed(0)
    network = initialise_network(VARIANTS[name], 3)
    optimizer = make_optimizer(network, VARIANTS[name])
    images, labels = torch.randn(12, 3, 16, 16), torch.arange(12) % 3
    losses = []
    for _ in range(4):
        set_learning_rate(optimizer, 0.02)
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert set(published_weights(network)) == set(published_weights(initialise_network(FAST, 3)))
    scales = [m.weight for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)
