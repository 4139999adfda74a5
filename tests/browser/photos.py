"""A small dataset with faults that its report names, as a folder and as a zip."""

import io
import zipfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import FilePayload

from tests.handwritten import digit_images

PER_CLASS = 8


def make_photos(folder: Path, mark: str = "") -> Path:
    """Write a folder per class, with one picture in two classes, an empty picture and a file that is no image.

    The mark is in one of the files: with another mark, the photos are another dataset.
    """
    text = PngInfo()
    text.add_text("Comment", mark)
    for name, label in (("three", 3), ("seven", 7), ("a-class-with-a-very-long-name-that-does-not-fit", 1)):
        (folder / name).mkdir(parents=True)
        for number, image in enumerate(digit_images(label, PER_CLASS)):
            image.save(folder / name / f"{number}.png")
    digit_images(7, 1)[0].save(folder / "three" / "stray-seven.png")
    Image.new("L", (28, 28)).save(folder / "seven" / "empty.png", pnginfo=text)
    (folder / "three" / "notes.txt").write_text("no image")
    return folder


def zip_of(folder: Path, name: str) -> FilePayload:
    """A zip of the folder as a file to choose."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    return {"name": name, "mimeType": "application/zip", "buffer": file.getvalue()}
