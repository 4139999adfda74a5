import pytest

from model.network.flops import training_flop


def test_the_flop_of_an_image_and_of_an_epoch_of_cifar10_are_those_of_the_docs() -> None:
    assert training_flop(32) / 6 == pytest.approx(379e6, rel=1e-3)
    assert training_flop(32) * 50_000 == pytest.approx(0.114e15, rel=2e-3)
