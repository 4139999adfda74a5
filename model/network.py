"""ResNet9 (DavidNet) exactly as the table in the README; it knows nothing of training."""
# ruff: noqa: N803 - shapes in names: images_NCHW

from typing import cast

import torch
from torch import Tensor, nn


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


class ConvBlock(nn.Module):
    """3x3 convolution without bias, batch norm, ReLU: the one building block."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)
        self.norm = BatchNorm(channels_out, eps=1e-5)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Same height and width out as in."""
        return cast("Tensor", self.relu(self.norm(self.conv(images_NCHW))))


class Residual(nn.Module):
    """Two blocks with dropout between them, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.dropout = nn.Dropout(0.1)
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
            ConvBlock(64, 128),
            nn.MaxPool2d(2),
            Residual(128),
            ConvBlock(128, 256),
            nn.MaxPool2d(2),
            ConvBlock(256, 512),
            nn.MaxPool2d(2),
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
