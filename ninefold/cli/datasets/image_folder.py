"""Writes images into a folder: `<class>/<id>.<extension>`. What the service says decides no other part of a path."""

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.transport import Json

_ID = re.compile(r"img_[0-9a-f]{24}(-[0-9]{1,9})?")
_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names of devices of Windows."""
_NAME_BYTES = 200


class ImageFolder:
    """A new or empty folder that receives images, with a folder for each class."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folders: dict[str, str] = {}
        """The name of the folder of each class."""
        self._taken: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
            is_empty = not any(path.iterdir())
        except OSError as error:
            raise NinefoldError(
                f"{path} cannot be a folder for images: {error.strerror}.", code="not_written"
            ) from error
        if not is_empty:
            raise NinefoldError(f"{path} is not empty: choose a new folder.", code="folder_not_empty")

    def write(self, image: "Json", content: bytes) -> Path:
        """Write the file of an image, and return its path.

        Raises:
            NinefoldError: its id is none, or it cannot be written.
        """
        if not _ID.fullmatch(str(image["id"])):
            raise NinefoldError(f"{image['id']!r} is not the id of an image.", code="unexpected_answer")
        folder = self.path / self._folder_of(str(image["class"]))
        path = folder / f"{image['id']}.{_EXTENSIONS.get(image['format'], 'img')}"
        try:
            folder.mkdir(exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise NinefoldError(f"{path} cannot be written: {error.strerror}.", code="not_written") from error
        return path

    def _folder_of(self, label: str) -> str:
        """Return the folder of a class; two classes have two folders, also where upper and lower case are the same."""
        if label not in self._folders:
            name = plain = folder_name(label)
            number = 2
            while _alike(name) in self._taken:
                name, number = f"{plain}-{number}", number + 1
            self._taken.add(_alike(name))
            self._folders[label] = name
        return self._folders[label]


def _alike(name: str) -> str:
    """Return what is the same for names that are one name on some systems."""
    return unicodedata.normalize("NFC", name).casefold()


def folder_name(label: str) -> str:
    """Return a name for the folder of a class that is one folder on every system, inside the folder above."""
    printable = "".join(character if character.isprintable() else "_" for character in label)
    name = _NOT_IN_NAMES.sub("_", printable).encode()[:_NAME_BYTES].decode(errors="ignore").strip(". ")
    if not name or _RESERVED.fullmatch(name):
        return f"_{name}"
    return name
