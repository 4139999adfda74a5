"""ResNet9 (DavidNet) exactly as the table in the README; it knows nothing of training."""
# ruff: noqa: N803 - shapes in names: images_NCHW

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.winograd import Conv3x3


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that can see a training batch in parts: ghost batch norm (arXiv 1705.08741), the same when published."""

    ghost_images = 0
    """About so many images a part; 0: the whole batch."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Same shape out as in."""
        if not (self.training and self.ghost_images):
            return super().forward(input)
        parts = max(1, round(len(input) / self.ghost_images))
        return torch.cat([super(BatchNorm, self).forward(part) for part in input.tensor_split(parts)])


class ConvNorm(nn.Module):
    """3x3 convolution without bias and batch norm."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = Conv3x3(channels_in, channels_out)
        self.norm = BatchNorm(channels_out, eps=1e-5)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Same height and width out as in."""
        return cast("Tensor", self.norm(self.conv(images_NCHW)))


class ConvBlock(ConvNorm):
    """Convolution, batch norm, ReLU."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Same height and width out as in."""
        return super().forward(images_NCHW).relu_()


class ReluPool(nn.Module):
    """ReLU and 2x2 max pool, in the other order: the same numbers and gradients with a quarter of the ReLUs."""

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Half the height and width, rounded down."""
        # On GPUs max_unpool2d does not know channels_last.
        if self.training and images_NCHW.device.type == "cpu":
            return cast("Tensor", _ForgetfulMaxPool.apply(images_NCHW)).relu_()
        return functional.max_pool2d(images_NCHW, 2).relu_()


class _ForgetfulMaxPool(torch.autograd.Function):
    """torch's own keeps its input for the way back, the largest tensors there are, and reads nothing but its shape."""

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor) -> Tensor:
        pooled_NCHW, places_NCHW = functional.max_pool2d_with_indices(images_NCHW, (2, 2))
        ctx.save_for_backward(places_NCHW)
        ctx.sides = images_NCHW.shape[2:]
        return pooled_NCHW

    @staticmethod
    def backward(ctx: Any, gradient_NCHW: Tensor) -> Tensor:
        [places_NCHW] = ctx.saved_tensors
        return functional.max_unpool2d(gradient_NCHW, places_NCHW, (2, 2), output_size=ctx.sides)


class ReluDropout(nn.Dropout):
    """ReLU, then dropout."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Same shape out as in."""
        # On GPUs torch's own dropout is a single kernel.
        if self.training and input.device.type == "cpu":
            return cast("Tensor", _ForgetfulReluDropout.apply(input, self.p))
        return functional.dropout(input.relu_(), self.p, self.training)


class _ForgetfulReluDropout(torch.autograd.Function):
    """torch's own keep what is in between and what was drawn; what comes out, which the next layer keeps, says enough."""

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
    """Two blocks with dropout between them, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.dropout = ReluDropout(0.1)
        self.second = ConvBlock(channels, channels)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Same shape out as in."""
        return images_NCHW + cast("Tensor", self.second(self.dropout(self.first(images_NCHW))))


class ResNet9(nn.Module):
    """Images of any side from 16 px up to class scores before the softmax."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, 64),
            ConvNorm(64, 128),
            ReluPool(),
            Residual(128),
            ConvNorm(128, 256),
            ReluPool(),
            ConvNorm(256, 512),
            ReluPool(),
            Residual(512),
        )
        self.head = nn.Linear(512, num_classes, bias=False)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Normalised float images to logits_NK."""
        features_NCHW = self.features(images_NCHW)
        # A global maximum, not a pool of fixed size, so that every image size works.
        return cast("Tensor", self.head(features_NCHW.amax(dim=(2, 3))))


def published_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights and batch-norm statistics, without the batch counters that nothing reads.

    `load_state_dict` fills the counters in again by itself.
    """
    return {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
