"""Winograd's convolution against PyTorch's in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.winograd import Conv3x3

# (images, channels in, channels out, height, width): one tile per image; several chunks; unequal chunks; not square.
FASTER = [(130, 128, 128, 4, 4), (70, 128, 256, 8, 8), (300, 256, 128, 4, 4), (9, 128, 128, 12, 24)]
NOT_FASTER = {
    "too few tiles": (127, 128, 128, 4, 4),
    "no whole tiles": (64, 128, 128, 6, 8),
    "few channels in": (8, 64, 128, 16, 16),
    "few channels out": (8, 128, 64, 16, 16),
}


def images(count: int, channels: int, height: int, width: int) -> Tensor:
    return torch.randn(count, channels, height, width).contiguous(memory_format=torch.channels_last)


def forward_and_backward(conv: nn.Conv2d, inputs: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    """Return the output and the gradients of the input and of the filters."""
    leaf = inputs.clone().requires_grad_()
    result = conv(leaf)
    return (result.detach(), *torch.autograd.grad(result, [leaf, conv.weight], gradient))


def relative_error(found: Tensor, right: Tensor) -> float:
    return float((found.double() - right).norm() / right.norm())


@pytest.mark.parametrize("shape", FASTER)
def test_equals_the_convolution_in_float64(shape: tuple[int, int, int, int, int]) -> None:
    torch.manual_seed(0)
    count, channels_in, channels_out, height, width = shape
    conv = Conv3x3(channels_in, channels_out)
    inputs, gradient = images(count, channels_in, height, width), images(count, channels_out, height, width)
    found = forward_and_backward(conv, inputs, gradient)
    exact = forward_and_backward(conv.double(), inputs.double(), gradient.double())
    assert [relative_error(*pair) < 1e-5 for pair in zip(found, exact, strict=True)] == [True] * 3
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in found[:2])


@pytest.mark.parametrize("shape", FASTER)
def test_is_deterministic(shape: tuple[int, int, int, int, int]) -> None:
    count, channels_in, channels_out, height, width = shape
    conv = Conv3x3(channels_in, channels_out)
    inputs, gradient = images(count, channels_in, height, width), images(count, channels_out, height, width)
    first, second = (forward_and_backward(conv, inputs, gradient) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("shape", FASTER)
def test_is_used_only_in_training(shape: tuple[int, int, int, int, int]) -> None:
    count, channels_in, channels_out, height, width = shape
    conv, inputs = Conv3x3(channels_in, channels_out), images(count, channels_in, height, width)
    plain = functional.conv2d(inputs, conv.weight, padding=1)
    assert not torch.equal(conv(inputs), plain)
    assert torch.equal(conv.eval()(inputs), plain)


@pytest.mark.parametrize("shape", NOT_FASTER.values(), ids=list(NOT_FASTER))
def test_pytorchs_convolution_is_used_where_it_is_faster(shape: tuple[int, int, int, int, int]) -> None:
    count, channels_in, channels_out, height, width = shape
    conv, inputs = Conv3x3(channels_in, channels_out), images(count, channels_in, height, width)
    assert torch.equal(conv(inputs), functional.conv2d(inputs, conv.weight, padding=1))


def test_accepts_images_of_any_memory_layout() -> None:
    conv, inputs = Conv3x3(128, 128), images(130, 128, 4, 4)
    gradient = torch.randn(130, 128, 4, 4)
    for found, again in zip(
        forward_and_backward(conv, inputs, gradient.contiguous(memory_format=torch.channels_last)),
        forward_and_backward(conv, inputs.contiguous(), gradient.contiguous()),
        strict=True,
    ):
        torch.testing.assert_close(found, again)


def test_filters_may_be_frozen() -> None:
    conv = Conv3x3(128, 128)
    conv.weight.requires_grad_(False)
    leaf = images(130, 128, 4, 4).requires_grad_()
    conv(leaf).sum().backward()
    assert leaf.grad is not None
    assert conv.weight.grad is None
