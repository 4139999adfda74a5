"""3x3 convolutions with many channels by Winograd's algorithm F(4x4, 3x3), for training on CPUs.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308. For a pair of input and output
channels, a tile of 4x4 output pixels needs 36 multiplications instead of 144:

1. Transform the 6x6 input pixels that the tile depends on (the patch) to 36 numbers, and the 3x3 filter to 36 numbers.
2. Multiply the numbers element by element; the sum over input channels makes this 36 matrix products.
3. Transform the 36 products to the 4x4 output pixels.

Each transform is a product with a small constant matrix.
"""
# ruff: noqa: N803 - shapes in names: P = 36 positions in the transformed patch, T tiles, C and O channels in and out

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_TILE = 4
"""Side in pixels of the square of outputs that is computed at once."""
_PATCH = 6
"""Side in pixels of the square of inputs that a tile depends on."""
_MIN_CHANNELS = 128
"""With fewer input or output channels, transforming the images takes as long as the multiplications that are saved."""
_MIN_TILES = 128
"""With fewer tiles in a batch, transforming the filters takes as long as the multiplications that are saved."""
_TILES_PER_CHUNK = 256
"""Few enough that a chunk stays in the processor's cache between the three steps, enough for efficient matrix products."""


def _two_dimensional(rows: list[list[float]]) -> Tensor:
    """Turn a 1-D transform M into the 2-D transform of flattened squares, X -> M X Mᵀ: the Kronecker product of M with M."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(matrix, matrix).float()


_INPUT_TRANSFORM = _two_dimensional(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""Bᵀ in the paper, [36, 36]: transforms a 6x6 patch."""

_FILTER_TRANSFORM = _two_dimensional(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""G in the paper, [36, 9]: transforms a 3x3 filter."""

_OUTPUT_TRANSFORM = _two_dimensional(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
)
"""Aᵀ in the paper, [16, 36]: transforms 36 products to a 4x4 tile."""


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution of stride 1 and padding 1 without bias. Training on CPUs uses Winograd's algorithm where faster."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        """Convolve images_NCHW; the output has the same height and width."""
        if self.training and _is_faster(input, min(self.in_channels, self.out_channels)):
            return winograd_convolution(input, self.weight)
        return super().forward(input)


def winograd_convolution(images_NCHW: Tensor, filters_OCHW: Tensor) -> Tensor:
    """Convolve as `conv2d` with 3x3 filters and padding 1 does.

    Args:
        images_NCHW: float32 on the CPU; height and width are multiples of 4.
        filters_OCHW: float32 [O, C, 3, 3].
    """
    return cast("Tensor", _Winograd.apply(images_NCHW, filters_OCHW))


def _is_faster(images_NCHW: Tensor, channels: int) -> bool:
    """Whether Winograd's algorithm beats PyTorch's convolution, which on CPUs is always direct (uxlfoundation/oneDNN#3139)."""
    count, _, height, width = images_NCHW.shape
    return (
        images_NCHW.device.type == "cpu"
        and images_NCHW.dtype is torch.float32
        and channels >= _MIN_CHANNELS
        and height % _TILE == width % _TILE == 0
        and count * (height // _TILE) * (width // _TILE) >= _MIN_TILES
    )


class _Winograd(torch.autograd.Function):
    """The gradient of the images is a convolution too, with the filters rotated by 180 degrees and channels swapped."""

    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor, filters_OCHW: Tensor) -> Tensor:
        ctx.save_for_backward(images_NCHW, filters_OCHW)
        return _convolve(images_NCHW, _transform_filters(filters_OCHW).transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, gradient_NCHW: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images_NCHW, filters_OCHW = ctx.saved_tensors
        images_gradient = filters_gradient = None
        if ctx.needs_input_grad[0]:
            images_gradient = _convolve(gradient_NCHW, _transform_filters(filters_OCHW.flip(2, 3)))
        if ctx.needs_input_grad[1]:
            filters_gradient = _filter_gradient(images_NCHW, gradient_NCHW)
        return images_gradient, filters_gradient


def _convolve(images_NCHW: Tensor, filters_PCO: Tensor) -> Tensor:
    """Convolve images, chunk by chunk, with filters that are already transformed: steps 1 (patches), 2 and 3."""
    count, _, height, width = images_NCHW.shape
    result_NHWO = images_NCHW.new_empty(count, height, width, filters_PCO.shape[2])
    result_NOHW = result_NHWO.permute(0, 3, 1, 2)
    for chunk_NHWC, out_NHWO in zip(_chunks(images_NCHW), _chunks(result_NOHW), strict=True):
        products_PTO = torch.bmm(_transform_patches(chunk_NHWC).transpose(0, 1), filters_PCO)
        tiles_TPO = torch.matmul(_OUTPUT_TRANSFORM, products_PTO.transpose(0, 1))
        out_tiles = _squares(out_NHWO, _TILE)
        out_tiles.copy_(tiles_TPO.view(out_tiles.shape))
    return result_NOHW


def _filter_gradient(images_NCHW: Tensor, gradient_NCHW: Tensor) -> Tensor:
    """Return the gradient of the filters, [O, C, 3, 3], from the input images and the gradient of the output."""
    total_POC: Tensor | None = None
    for chunk_NHWC, gradient_NHWO in zip(_chunks(images_NCHW), _chunks(gradient_NCHW), strict=True):
        patches_PTC = _transform_patches(chunk_NHWC).transpose(0, 1)
        tiles_TPO = _squares(gradient_NHWO, _TILE).flatten(0, 2).flatten(1, 2)
        products_POT = torch.matmul(_OUTPUT_TRANSFORM.T, tiles_TPO).permute(1, 2, 0)
        if total_POC is None:
            total_POC = torch.bmm(products_POT, patches_PTC)
        else:
            total_POC.baddbmm_(products_POT, patches_PTC)
    assert total_POC is not None  # noqa: S101 - for the type checker: a batch has images
    return (
        torch.mm(_FILTER_TRANSFORM.T, total_POC.flatten(1))
        .view(3, 3, *total_POC.shape[1:])
        .permute(2, 3, 0, 1)
    )


def _chunks(images_NCHW: Tensor) -> Iterator[Tensor]:
    """Yield views NHWC of a few images each, of about `_TILES_PER_CHUNK` tiles in all."""
    tiles = (images_NCHW.shape[2] // _TILE) * (images_NCHW.shape[3] // _TILE)
    yield from torch.split(images_NCHW.permute(0, 2, 3, 1), max(1, _TILES_PER_CHUNK // tiles))


def _transform_filters(filters_OCHW: Tensor) -> Tensor:
    """Return the transformed filters, [36, O, C]."""
    count, channels = filters_OCHW.shape[:2]
    flat = filters_OCHW.permute(2, 3, 0, 1).reshape(9, count * channels)
    return torch.mm(_FILTER_TRANSFORM, flat).view(-1, count, channels)


def _transform_patches(images_NHWC: Tensor) -> Tensor:
    """Return the transformed patch of each tile, [T, 36, C]. Patches of neighbouring tiles overlap."""
    padded_NHWC = functional.pad(images_NHWC, (0, 0, 1, 1, 1, 1))
    return torch.matmul(_INPUT_TRANSFORM, _squares(padded_NHWC, _PATCH).flatten(0, 2).flatten(1, 2))


def _squares(images_NHWC: Tensor, side: int) -> Tensor:
    """Return a view of the `side` x `side` squares that start at every fourth pixel: [N, rows, columns, side, side, C]."""
    return images_NHWC.unfold(1, side, _TILE).unfold(2, side, _TILE).permute(0, 1, 2, 4, 5, 3)
