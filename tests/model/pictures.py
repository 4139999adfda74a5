"""Small images made in code, as files of every kind that people send."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 24, 16


def noise(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """An RGB image that no other seed makes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A PNG that no other seed makes."""
    return encode(noise(seed, width, height))


def two_classes(images: int = 10) -> dict[str, bytes]:
    """Files of a dataset with the classes cat and dog."""
    return {
        f"{label}/{number}.png": png(number + 1000 * (label == "dog"))
        for label in ("cat", "dog")
        for number in range(images)
    }


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of the files in their order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    """The files below a folder."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
