"""Writes smaller zips from a zip of SPLIT/CLASS/IMAGE. Selection is by the hash of the entry name, so it is always the same."""

import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

Names = dict[str, list[str]]
"""The entry names of each class."""


def entries(archive: Path, split: str) -> Names:
    """Return the images of a split, classes in alphabetical order, images in the order of their hashes."""
    names: Names = defaultdict(list)
    with zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            if name.startswith(f"{split}/") and not name.endswith("/"):
                names[name.split("/")[1]].append(name)
    for entries_of_class in names.values():
        entries_of_class.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    return dict(sorted(names.items()))


def write_cut(archive: Path, target: Path, splits: Mapping[str, Iterable[str]]) -> Path:
    """Write a zip with these entries, each moved to the split that names it."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as cut:
        for split, names in splits.items():
            for name in names:
                cut.writestr(f"{split}/{name.partition('/')[2]}", source.read(name))
    return target
