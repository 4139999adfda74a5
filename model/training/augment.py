"""Augments batches of training images on the device that holds them. Knows no files and no epochs."""
# ruff: noqa: N803 - shapes in names: images_NCHW

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.network.normalisation import Normalisation
from model.spec import Augmentation

_CHUNK_PIXELS = 1024 * 32 * 32
"""Pixels of the photos that are cropped and coloured at once. Each takes about 70 bytes meanwhile, 12 of them in the
result."""


@dataclass(frozen=True)
class Augment:
    """The augmentation of a training; lengths are shares of the image side."""

    kind: Augmentation
    translate: float
    cutout: float
    reflect_padding: bool

    def __call__(self, images_NHWC: Tensor, flips_N: Tensor, normalisation: Normalisation) -> Tensor:
        """Return augmented and normalised images, float32 NCHW. Draws random numbers from PyTorch's global generators.

        Args:
            images_NHWC: uint8.
            flips_N: bool, which images to mirror.
            normalisation: mean and standard deviation of the training images.
        """
        if self.kind is Augmentation.PHOTO:
            return _augment_photos(images_NHWC, flips_N, normalisation)
        if self.kind is Augmentation.NONE:
            return normalisation.apply(flip(images_NHWC, flips_N))
        images_NCHW = normalisation.apply(flip(images_NHWC, flips_N))
        distance, cutout = (round(images_NHWC.shape[1] * share) for share in (self.translate, self.cutout))
        return blank_square(translate(images_NCHW, distance, reflect=self.reflect_padding), cutout)


def flip(images_NHWC: Tensor, flips_N: Tensor) -> Tensor:
    """Mirror the chosen images left to right."""
    return torch.where(flips_N[:, None, None, None], images_NHWC.flip(2), images_NHWC)


def translate(images_NCHW: Tensor, distance: int, *, reflect: bool) -> Tensor:
    """Shift each image at random by up to `distance` pixels in each direction.

    The uncovered border is filled by reflection, or with 0, the mean of normalised images.
    """
    if distance == 0:
        return images_NCHW
    count, _, height, width = images_NCHW.shape
    padded_NHWC = functional.pad(
        images_NCHW, (distance,) * 4, mode="reflect" if reflect else "constant"
    ).permute(0, 2, 3, 1)
    top_N, left_N = torch.randint(2 * distance + 1, (2, count, 1), device=images_NCHW.device)
    rows_NH = top_N + torch.arange(height, device=images_NCHW.device)
    columns_NW = left_N + torch.arange(width, device=images_NCHW.device)
    image_N = torch.arange(count, device=images_NCHW.device)
    # A single gather of whole pixels; the result has the channels_last layout that the convolutions need.
    return padded_NHWC[image_N[:, None, None], rows_NH[:, :, None], columns_NW[:, None, :]].permute(
        0, 3, 1, 2
    )


def shrink(images_NCHW: Tensor, side: int) -> Tensor:
    """Scale images to `side` x `side` pixels."""
    if images_NCHW.shape[2] == side:
        return images_NCHW
    return functional.interpolate(images_NCHW, (side, side), mode="bilinear", align_corners=False)


def blank_square(images_NCHW: Tensor, side: int) -> Tensor:
    """Set a random square of each image to 0, the mean of normalised images: cutout, arXiv 1708.04552."""
    if side == 0:
        return images_NCHW
    count, _, height, width = images_NCHW.shape
    top_N = torch.randint(height - side + 1, (count, 1), device=images_NCHW.device)
    left_N = torch.randint(width - side + 1, (count, 1), device=images_NCHW.device)
    is_row_NH = _within(top_N, side, height)
    is_column_NW = _within(left_N, side, width)
    is_blank_N1HW = (is_row_NH[:, :, None] & is_column_NW[:, None, :])[:, None]
    return images_NCHW.masked_fill_(is_blank_N1HW, 0.0)


def _augment_photos(images_NHWC: Tensor, flips_N: Tensor, normalisation: Normalisation) -> Tensor:
    """Crop and colour photos, a chunk at a time; the size of the chunks does not change a bit of the result."""
    count, height, width = images_NHWC.shape[:3]
    crops_N23 = choose_crops(flips_N)
    colours_3N111 = torch.rand(3, count, 1, 1, 1, device=images_NHWC.device)
    result_NHWC = torch.empty(images_NHWC.shape, device=images_NHWC.device)
    chunks = -(-count * height * width // _CHUNK_PIXELS)
    for chunk in range(chunks):
        chosen = slice(count * chunk // chunks, count * (chunk + 1) // chunks)
        cropped_NHWC = crop(images_NHWC[chosen], crops_N23[chosen])
        varied_NHWC = vary_colour(cropped_NHWC, colours_3N111[:, chosen])
        result_NHWC[chosen] = normalisation.apply(varied_NHWC).permute(0, 2, 3, 1)
    return result_NHWC.permute(0, 3, 1, 2)


def choose_crops(flips_N: Tensor) -> Tensor:
    """Choose 35 to 100 % of each image's area at an aspect ratio of 3:4 to 4:3; mirror the chosen images.

    Random resized crops as in Inception (Szegedy et al., arXiv 1409.4842). Returns the transforms [N, 2, 3] of `crop`. The
    last digits of a power depend on how many are computed at once, so all of a batch are.
    """
    area_N, aspect_N, x_N, y_N = torch.rand(4, len(flips_N), device=flips_N.device)
    area_N = 0.35 + 0.65 * area_N
    aspect_N = (3 / 4) * (16 / 9) ** aspect_N
    width_N = (area_N * aspect_N).sqrt().clamp(max=1)
    height_N = (area_N / aspect_N).sqrt().clamp(max=1)
    zero_N = torch.zeros_like(area_N)
    # In grid_sample's coordinates, -1 to 1, the scale is the half-width of the crop and the offset its centre.
    return torch.stack(
        [
            torch.stack([torch.where(flips_N, -width_N, width_N), zero_N, (2 * x_N - 1) * (1 - width_N)], 1),
            torch.stack([zero_N, height_N, (2 * y_N - 1) * (1 - height_N)], 1),
        ],
        1,
    )


def crop(images_NHWC: Tensor, transform_N23: Tensor) -> Tensor:
    """Cut one part of each uint8 image and scale it up to the size of the image. Returns float32 NHWC, 0..255."""
    images_NCHW = images_NHWC.permute(0, 3, 1, 2).float()
    grid_NHW2 = functional.affine_grid(transform_N23, list(images_NCHW.shape), align_corners=False)
    cropped_NCHW = functional.grid_sample(
        images_NCHW, grid_NHW2, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return cropped_NCHW.permute(0, 2, 3, 1).contiguous()


def vary_colour(images_NHWC: Tensor, random_3N111: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of each image by up to 20 % each, by uniform random numbers, 0 to 1."""
    brightness_N, contrast_N, saturation_N = 0.8 + 0.4 * random_3N111
    images_NHWC = images_NHWC * brightness_N
    grey_NHW1 = images_NHWC.mean(3, keepdim=True)
    images_NHWC = grey_NHW1 + (images_NHWC - grey_NHW1) * saturation_N
    mean_N111 = grey_NHW1.mean((1, 2), keepdim=True)
    return torch.clamp(mean_N111 + (images_NHWC - mean_N111) * contrast_N, 0, 255)


def _within(start_N: Tensor, side: int, length: int) -> Tensor:
    position = torch.arange(length, device=start_N.device)
    return (position >= start_N) & (position < start_N + side)
