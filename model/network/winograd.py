"""Convolutions of many channels by Winograd's algorithm F(4x4, 3x3), for training on CPUs (Lavin and Gray, arXiv 1509.09308).

Four by four pixels of a 3x3 convolution take 36 products for each pair of channels instead of 144: the six by six pixels
that they depend on and the filter are both transformed to 36 numbers, these are multiplied one by one, and what that gives is
transformed to the pixels. Summed over channels it is 36 products of matrices; a transform is one by a small constant matrix.
"""
# ruff: noqa: N803 - shapes in names: P positions of a patch, T tiles

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_TILE = 4
"""Pixels a side that are calculated at once."""
_PATCH = 6
"""Pixels a side that they depend on."""
_LEAST_CHANNELS = 128
"""With fewer, in or out, to transform the images takes as long as the products that are saved."""
_LEAST_TILES = 128
"""With fewer in a batch, to transform the filters does."""
_TILES_AT_ONCE = 256
"""Few enough to stay in a processor's cache between the steps, and enough for large products."""


def _twice(rows: list[list[float]]) -> Tensor:
    """The matrix that does to flattened squares, along both sides, what these rows do to lines."""
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.kron(matrix, matrix).float()


_INPUT_TRANSFORM = _twice(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
"""The paper's Bᵀ: from a patch to its 36 numbers."""

_FILTER_TRANSFORM = _twice(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""The paper's G: from a filter to its 36 numbers."""

_OUTPUT_TRANSFORM = _twice(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
)
"""The paper's Aᵀ: from 36 products to a tile."""


class Conv3x3(nn.Conv2d):
    """3x3 convolution of stride 1 without bias, as wide and high out as in."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=3, padding=1, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """NCHW in and out."""
        if self.training and _pays(input, min(self.in_channels, self.out_channels)):
            return winograd_convolution(input, self.weight)
        return super().forward(input)


def winograd_convolution(images_NCHW: Tensor, filters_OCHW: Tensor) -> Tensor:
    """The same as `conv2d` of 3x3 filters with padding 1, for images whose sides are multiples of 4; float32 on CPUs."""
    return cast("Tensor", _Winograd.apply(images_NCHW, filters_OCHW))


def _pays(images_NCHW: Tensor, channels: int) -> bool:
    """Whether it is faster than torch's own, which on CPUs is a direct convolution."""
    count, _, height, width = images_NCHW.shape
    return (
        images_NCHW.device.type == "cpu"
        and images_NCHW.dtype is torch.float32
        and channels >= _LEAST_CHANNELS
        and height % _TILE == width % _TILE == 0
        and count * (height // _TILE) * (width // _TILE) >= _LEAST_TILES
    )


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images_NCHW: Tensor, filters_OCHW: Tensor) -> Tensor:
        ctx.save_for_backward(images_NCHW, filters_OCHW)
        return _convolve(images_NCHW, _transform_filters(filters_OCHW).transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, gradient_NCHW: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images_NCHW, filters_OCHW = ctx.saved_tensors
        of_images = of_filters = None
        if ctx.needs_input_grad[0]:
            of_images = _convolve(gradient_NCHW, _transform_filters(filters_OCHW.flip(2, 3)))
        if ctx.needs_input_grad[1]:
            of_filters = _filter_gradient(images_NCHW, gradient_NCHW)
        return of_images, of_filters


def _convolve(images_NCHW: Tensor, filters_PCO: Tensor) -> Tensor:
    """Images, a few at a time, with filters that are transformed already."""
    count, _, height, width = images_NCHW.shape
    result_NHWO = images_NCHW.new_empty(count, height, width, filters_PCO.shape[2])
    result_NOHW = result_NHWO.permute(0, 3, 1, 2)
    for part_NHWC, out_NHWO in zip(_parts(images_NCHW), _parts(result_NOHW), strict=True):
        products_PTO = torch.bmm(_transform_patches(part_NHWC).transpose(0, 1), filters_PCO)
        tiles_TPO = torch.matmul(_OUTPUT_TRANSFORM, products_PTO.transpose(0, 1))
        into = _squares(out_NHWO, _TILE)
        into.copy_(tiles_TPO.view(into.shape))
    return result_NOHW


def _filter_gradient(images_NCHW: Tensor, gradient_NCHW: Tensor) -> Tensor:
    """OCHW, from the images that went in and the gradient of what came out."""
    total_POC: Tensor | None = None
    for part_NHWC, gradient_NHWO in zip(_parts(images_NCHW), _parts(gradient_NCHW), strict=True):
        patches_PTC = _transform_patches(part_NHWC).transpose(0, 1)
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


def _parts(images_NCHW: Tensor) -> Iterator[Tensor]:
    """The images, channels last, so many at a time."""
    tiles = (images_NCHW.shape[2] // _TILE) * (images_NCHW.shape[3] // _TILE)
    yield from torch.split(images_NCHW.permute(0, 2, 3, 1), max(1, _TILES_AT_ONCE // tiles))


def _transform_filters(filters_OCHW: Tensor) -> Tensor:
    """POC."""
    count, channels = filters_OCHW.shape[:2]
    flat = filters_OCHW.permute(2, 3, 0, 1).reshape(9, count * channels)
    return torch.mm(_FILTER_TRANSFORM, flat).view(-1, count, channels)


def _transform_patches(images_NHWC: Tensor) -> Tensor:
    """TPC: of each tile the patch that it depends on, which the neighbours' overlap."""
    padded_NHWC = functional.pad(images_NHWC, (0, 0, 1, 1, 1, 1))
    return torch.matmul(_INPUT_TRANSFORM, _squares(padded_NHWC, _PATCH).flatten(0, 2).flatten(1, 2))


def _squares(images_NHWC: Tensor, side: int) -> Tensor:
    """A view of the squares of so many pixels a side that begin at every fourth: [N, rows, columns, side, side, C]."""
    return images_NHWC.unfold(1, side, _TILE).unfold(2, side, _TILE).permute(0, 1, 2, 4, 5, 3)
