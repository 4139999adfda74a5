"""Makes zips of tiny images, and finds the temporary files of uploads."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from api.settings import ApiSettings


def zipped(images_a_class: int = 6, classes: tuple[str, ...] = ("cat", "dog"), **files: bytes) -> bytes:
    """Make a zip with a folder for each class."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for label in classes:
            for number in range(images_a_class):
                archive.writestr(f"{label}/{number}.png", _picture(label, number))
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def _picture(label: str, number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (number * 20, len(label) * 40 % 256, ord(label[0]))).save(file, "PNG")
    return file.getvalue()


def leftovers(settings: ApiSettings) -> list[int]:
    """Return the sizes of the files of uploads: those that are being received, and those that wait for their import."""
    storage = Path(urlsplit(settings.storage).path)
    files = [*storage.glob(".tmp/*/upload.zip"), *storage.glob("uploads/*")]
    sizes = []
    for file in files:
        with suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return sizes
