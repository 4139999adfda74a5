"""What recipes may change in training never shows in what is published."""

from dataclasses import replace

import pytest
import torch

from model.network.flops import training_flop
from model.network.resnet9 import published_weights
from model.recipes.progressive_resizing import image_side_at, image_sides, remaining_time
from model.recipes.recipe import RECIPES, Initialisation, Optimizer
from model.spec import RecipeName
from model.training.augment import shrink
from model.training.optim.initialisation import initialise_network
from model.training.optim.muon import orthogonalise
from model.training.optim.optimizer import make_optimizer, set_learning_rate

FAST, STEADY = RECIPES[RecipeName.FAST], RECIPES[RecipeName.THOROUGH]
LEVERS = {
    "muon": replace(FAST, optimizer=Optimizer.MUON, muon_scale=0.25),
    "dirac": replace(FAST, initialisation=Initialisation.DIRAC),
}


@pytest.mark.parametrize("name", LEVERS)
def test_each_lever_learns_and_publishes_the_same_network(name: str) -> None:
    torch.manual_seed(0)
    network = initialise_network(LEVERS[name], 3)
    optimizer = make_optimizer(network, LEVERS[name])
    images, labels = torch.randn(12, 3, 16, 16), torch.arange(12) % 3
    losses = []
    for _ in range(12):
        set_learning_rate(optimizer, 0.02)
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert set(published_weights(network)) == set(published_weights(initialise_network(FAST, 3)))
    scales = [m.weight for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert not all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)


def test_muons_step_has_nearly_equal_singular_values() -> None:
    torch.manual_seed(0)
    for shape in ((16, 80), (80, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.shape == (16,)
        assert 0.5 < values.min() <= values.max() < 1.3


def test_images_grow_in_multiples_of_four() -> None:
    assert [image_side_at(FAST, p, 32) for p in (0.0, 0.39, 0.4, 0.7, 0.99)] == [24, 24, 28, 32, 32]
    assert image_sides(FAST, 32) == [24, 28, 32]
    assert image_side_at(FAST, 0.0, 16) == 16
    assert image_side_at(STEADY, 0.0, 30) == 30
    assert shrink(torch.zeros(2, 3, 32, 32), 24).shape == (2, 3, 24, 24)


def test_what_is_left_takes_longer_with_larger_images() -> None:
    assert [remaining_time(STEADY, p, 32) for p in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]
    in_time = 0.4 + 0.3 * (28 / 24) ** 2 + 0.3 * (32 / 24) ** 2
    assert remaining_time(FAST, 0.0, 32) == pytest.approx(in_time)
    assert remaining_time(FAST, 0.1, 32) == pytest.approx(in_time - 0.1)
    assert remaining_time(FAST, 0.8, 32) == pytest.approx(0.2)
    assert remaining_time(FAST, 1.0, 32) == 0


def test_an_epoch_of_cifar_costs_what_the_table_says() -> None:
    assert training_flop(32) / 6 == pytest.approx(379e6, rel=1e-3)
    assert training_flop(32) * 50_000 == pytest.approx(0.114e15, rel=2e-3)
