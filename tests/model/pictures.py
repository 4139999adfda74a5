"""Generates small images, and zips and folders of image files."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 24, 16


def noise(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Return an RGB image of random pixels, different for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return a PNG of random pixels, different for each seed."""
    return encode(noise(seed, width, height))


def two_classes(images: int = 10) -> dict[str, bytes]:
    """Return the files of a dataset with the classes cat and dog, by path."""
    return {
        f"{label}/{number}.png": png(number + 1000 * (label == "dog"))
        for label in ("cat", "dog")
        for number in range(images)
    }


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write the files to a zip, in their order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    """Write the files to a folder."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
