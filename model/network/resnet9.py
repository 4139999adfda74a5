"""ResNet9 (DavidNet): the network of David Page's "How to train your ResNet" (davidcpage/cifar10-fast), with dropout.

Convolutions are 3x3, stride 1, without bias; batch norm (eps 1e-5) and ReLU follow each. Pools halve the side:
conv 3→64 · conv 64→128, pool · residual 128 · conv 128→256, pool · conv 256→512, pool · residual 512 · global maximum ·
linear 512→classes, without bias. A residual is two convolutions with dropout 0.1 between them. 6,573,120 parameters for
10 classes. Knows nothing of training.
"""
# ruff: noqa: N803 - shapes in names: images_NCHW

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.winograd import Conv3x3

WIDTH = 64
"""Channels of the first convolution; the others have 2, 4 and 8 times as many."""


class ConvNorm(nn.Module):
    """A 3x3 convolution without bias, followed by batch norm."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = Conv3x3(channels_in, channels_out)
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-5)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return features of the same height and width."""
        return cast("Tensor", self.norm(self.conv(images_NCHW)))


class ConvBlock(ConvNorm):
    """A 3x3 convolution, batch norm and ReLU."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return features of the same height and width."""
        return super().forward(images_NCHW).relu_()


class ReluPool(nn.Module):
    """ReLU and 2x2 max pooling. Pools first: same values and gradients, with a quarter of the ReLU operations."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Halve height and width, rounding down."""
        # On GPUs max_unpool2d does not support channels_last.
        if self.training and images_NCHW.device.type == "cpu":
            return cast("Tensor", _LeanMaxPool.apply(images_NCHW)).relu_()
        return functional.max_pool2d(images_NCHW, 2).relu_()


class _LeanMaxPool(torch.autograd.Function):
    """2x2 max pooling that keeps less for the backward pass.

    PyTorch's own max pooling saves its input, the largest tensor of the network, but its backward pass needs only the
    shape of the input and the indices of the maxima.
    """

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor) -> Tensor:
        pooled_NCHW, indices_NCHW = functional.max_pool2d_with_indices(images_NCHW, (2, 2))
        ctx.save_for_backward(indices_NCHW)
        ctx.input_sides = images_NCHW.shape[2:]
        return pooled_NCHW

    @staticmethod
    def backward(ctx: Any, gradient_NCHW: Tensor) -> Tensor:
        [indices_NCHW] = ctx.saved_tensors
        # Not functional.max_unpool2d, whose check of the size imports sympy: 0.6 s in the first step.
        return cast("Tensor", torch.ops.aten.max_unpool2d(gradient_NCHW, indices_NCHW, ctx.input_sides))


class ReluDropout(nn.Dropout):
    """ReLU followed by dropout."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        """Return a tensor of the same shape."""
        # On GPUs PyTorch's own dropout is a single kernel.
        if self.training and input.device.type == "cpu":
            return cast("Tensor", _LeanReluDropout.apply(input, self.p))
        return functional.dropout(input.relu_(), self.p, self.training)


class _LeanReluDropout(torch.autograd.Function):
    """ReLU and dropout that keep only their output for the backward pass.

    PyTorch's own layers save the intermediate tensor and the dropout mask. The output is saved by the next layer anyway,
    and its zeros show where the gradient is 0.
    """

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor, p: float) -> Tensor:
        dropped_NCHW = functional.dropout(images_NCHW.relu(), p)
        ctx.save_for_backward(dropped_NCHW)
        ctx.scale = 1 / (1 - p)
        return dropped_NCHW

    @staticmethod
    def backward(ctx: Any, gradient_NCHW: Tensor) -> tuple[Tensor, None]:
        [dropped_NCHW] = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient_NCHW, dropped_NCHW, 0).mul_(ctx.scale), None


class Residual(nn.Module):
    """Two convolutions with dropout between them; their output is added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.dropout = ReluDropout(0.1)
        self.second = ConvBlock(channels, channels)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        return images_NCHW + cast("Tensor", self.second(self.dropout(self.first(images_NCHW))))


class ResNet9(nn.Module):
    """Computes class logits from images of at least 16 x 16 pixels."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, WIDTH),
            ConvNorm(WIDTH, 2 * WIDTH),
            ReluPool(),
            Residual(2 * WIDTH),
            ConvNorm(2 * WIDTH, 4 * WIDTH),
            ReluPool(),
            ConvNorm(4 * WIDTH, 8 * WIDTH),
            ReluPool(),
            Residual(8 * WIDTH),
        )
        self.head = nn.Linear(8 * WIDTH, num_classes, bias=False)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return logits_NK of normalised float images."""
        features_NCHW = self.features(images_NCHW)
        # A global maximum instead of a pool of fixed size: works for every image size.
        return cast("Tensor", self.head(features_NCHW.amax(dim=(2, 3))))


def published_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return weights and batch-norm statistics, without the batch counters, which are never used.

    `load_state_dict` accepts weights without the counters.
    """
    return {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
