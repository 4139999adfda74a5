"""Writes the pictures that show where a network found its evidence."""

from base64 import b64decode
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.transport import Json


def overlay_paths(files: Sequence[Path], folder: Path) -> list[Path]:
    """Make the folder, and return where the picture of each file goes: NAME.explained.png, or NAME-2.explained.png if
    another file has the same name.

    Raises:
        NinefoldError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NinefoldError(f"{folder} cannot be made: {error.strerror}.", code="not_written") from error
    names: dict[str, None] = {}
    for file in files:
        candidates = (f"{file.stem}-{number}" if number > 1 else file.stem for number in count(1))
        names[next(name for name in candidates if name not in names)] = None
    return [folder / f"{name}.explained.png" for name in names]


def write_overlay(path: Path, prediction: "Json") -> bool:
    """Write the picture of one prediction; return whether it has one. Raises NinefoldError if it cannot be written."""
    if prediction["status"] != "ok":
        return False
    write_explanation(path, prediction["explanation"])
    return True


def write_explanation(path: Path, explanation: "Json") -> None:
    """Write the picture of an explanation; raises NinefoldError if it cannot be written."""
    _, _, encoded = explanation["overlay"].partition(",")
    try:
        path.write_bytes(b64decode(encoded))
    except OSError as error:
        raise NinefoldError(f"{path} cannot be written: {error.strerror}.", code="not_written") from error
