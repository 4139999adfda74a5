"""Generates pictures that differ as photos do, and copies of them that are nearly the same."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw


def photo(seed: int, side: int = 96) -> Image.Image:
    """Return a picture of coarse and fine structures, different for each seed."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((side, side, 3))
    for cells, weight in ((4, 1.0), (9, 0.6), (30, 0.2)):
        values = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        pixels += weight * np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC))
    return Image.fromarray((pixels / 1.8).astype(np.uint8))


def _recompress(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(BytesIO(file.getvalue())).convert("RGB")


def _crop(image: Image.Image) -> Image.Image:
    left, top = round(image.width * 0.01), round(image.height * 0.02)
    return image.crop((left, top, image.width - left, image.height - left))


def _mark(image: Image.Image) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((image.width * 2 // 3, image.height * 9 // 10), "(c)", fill=(255, 255, 255))
    return marked


TWINS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "double": lambda image: image.resize((image.width * 2, image.height * 2)),
    "jpeg": _recompress,
    "cropped": _crop,
    "brighter": lambda image: image.point(lambda value: value * 1.1),
    "marked": _mark,
}
"""What people do to a picture; the result is nearly the same."""
