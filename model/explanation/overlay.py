"""Draws evidence as a heat map over the image that the network saw."""
# ruff: noqa: N803 - shapes in names: image_HWC

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.export.features import REDUCTION

_LEAST_SIDE = 224
_OPACITY = 0.75
_COLOURS = np.array([(87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], dtype=np.float64)
"""From little to much evidence: the upper three quarters of matplotlib's `inferno` (CC0). The lightness rises evenly, so
the order is also seen without colours and by the colour-blind."""


def draw_overlay(image_HWC: NDArray[np.uint8], evidence_HW: NDArray[np.float64]) -> bytes:
    """Return a square PNG of at least 224 pixels a side: the image in grey, and the positive evidence in colours.

    The colours are relative to the largest evidence in this image.

    Args:
        image_HWC: square, as the network saw it.
        evidence_HW: of each position, which stands for 8 x 8 pixels.
    """
    size = len(image_HWC)
    scale = -(-_LEAST_SIDE // size)
    side = size * scale
    grey = Image.fromarray(image_HWC).convert("L").resize((side, side), Image.Resampling.BICUBIC)
    strength_HW1 = _enlarge(_strength(evidence_HW), REDUCTION * scale, side)[:, :, None]
    places = np.linspace(0, 1, len(_COLOURS))
    colours = np.concatenate([np.interp(strength_HW1, places, channel) for channel in _COLOURS.T], axis=2)
    opacity = _OPACITY * np.minimum(1, 2 * strength_HW1)
    blended = (1 - opacity) * np.asarray(grey)[:, :, None] + opacity * colours
    file = BytesIO()
    Image.fromarray(np.rint(blended).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _strength(evidence_HW: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the positive evidence as a share of the largest one; all 0 if there is none."""
    positive_HW = evidence_HW.clip(min=0)
    return (positive_HW / (positive_HW.max() or 1)).astype(np.float32)


def _enlarge(map_HW: NDArray[np.float32], factor: int, side: int) -> NDArray[np.float64]:
    """Return a map of a square image: pools round down, so pixels at the right and the bottom may have no position."""
    height, width = map_HW.shape
    enlarged = Image.fromarray(map_HW).resize((width * factor, height * factor), Image.Resampling.BILINEAR)
    result = np.zeros((side, side))
    result[: height * factor, : width * factor] = np.asarray(enlarged).clip(0, 1)
    return result
