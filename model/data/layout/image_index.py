"""Finds the images that a table names, whatever it writes: paths, file names, or names without extension."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from model.data.files.file_endings import is_image_name

MOST_PARTS = 20
"""Longer ends of paths are not looked up: each length needs an index of its own, and a table may have many lengths."""


class ImageIndex:
    """The images of a source by path, by the last parts of their path, and without extension."""

    def __init__(self, paths: Iterable[str], masks: Iterable[str] = ()) -> None:
        """Index images. A name that fits an image of `paths` and one of `masks` names the former."""
        self._parts = {path: _normalise(path).split("/") for path in (*paths, *masks)}
        self._masks = frozenset(masks)
        self._keyed: dict[tuple[int, bool], dict[str, str | None]] = {}

    def find_all(self, values: Sequence[str], folder: str, *, are_paths: bool = False) -> list[str | None]:
        """Return the image that each value names, or None.

        All values are read in one way, the strictest of those that find the most images: as paths relative to the
        table's folder, as paths in the source, as ends of such paths, as file names after folders of another computer,
        as these without regard to upper and lower case, and with another format, as after a conversion. An end that fits several images names none.

        Args:
            values: the values of one column.
            folder: the table's folder; `""` or ending in a slash.
            are_paths: whether the values are known to be relative paths; they are read otherwise only if none is found.
        """
        cleaned = [_clean(value) for value in values]
        best: list[str | None] = [None] * len(cleaned)
        for read in (
            lambda value: self._find(folder + value, 0),
            lambda value: self._find(value, 0),
            lambda value: self._find(value, value.count("/") + 1),
            lambda value: self._find(value.rpartition("/")[2], 1),
            lambda value: self._find(value.rpartition("/")[2].casefold(), 1, is_folded=True),
            lambda value: self._find(_without_ending(value.rpartition("/")[2].casefold()), 1, is_folded=True),
        ):
            best = max(best, self._read(cleaned, read), key=_count_found)
            if _count_found(best) == len(best) or (are_paths and _count_found(best)):
                break
        return best

    def _read(self, values: list[str], read: Callable[[str], str | None]) -> list[str | None]:
        return [read(value) if value else None for value in values]

    def _find(self, key: str, depth: int, *, is_folded: bool = False) -> str | None:
        """Look up the last `depth` parts of a path; 0 means the whole path."""
        if depth > MOST_PARTS:
            return None
        keyed = self._keyed.get((depth, is_folded))
        if keyed is None:
            keyed = self._keyed[depth, is_folded] = self._key_by(depth, is_folded=is_folded)
        return keyed.get(key)

    def _key_by(self, depth: int, *, is_folded: bool) -> dict[str, str | None]:
        """Return the image for each key, with and without extension; None where a key fits several images."""
        whole: dict[str, str | None] = {}
        stems: dict[str, str | None] = {}
        for path, parts in self._parts.items():
            if len(parts) < depth:
                continue
            key = "/".join(parts[-depth:])
            key = key.casefold() if is_folded else key
            self._insert(whole, key, path)
            stem, _, extension = key.rpartition(".")
            if stem and "/" not in extension:
                self._insert(stems, stem, path)
        return stems | whole

    def _insert(self, keyed: dict[str, str | None], key: str, path: str) -> None:
        """Add a path, after all that are no masks if it is a mask."""
        if key not in keyed:
            keyed[key] = path
        elif path not in self._masks or keyed[key] in self._masks:
            keyed[key] = None


def _without_ending(name: str) -> str:
    """Return a file name without the ending of an image format."""
    return name.rpartition(".")[0] if is_image_name(name) else name


def _clean(value: str) -> str:
    if "://" in value:
        value = urlsplit(value).path
    path = _normalise(value.replace("\\", "/"))
    return PurePosixPath(path).as_posix() if "//" in path or "./" in path else path


def _normalise(text: str) -> str:
    """Compose accents: macOS decomposes them in the names of files."""
    return unicodedata.normalize("NFC", text)


def _count_found(found: list[str | None]) -> int:
    """Count the different images."""
    return len(set(found) - {None})
