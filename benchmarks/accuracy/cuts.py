"""Smaller zips out of a zip of SPLIT/CLASS/IMAGE: always the same images, in the order of the hashes of their names."""

import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

Names = dict[str, list[str]]
"""The entries of each class."""


def entries(archive: Path, split: str) -> Names:
    """A split's images, the classes in alphabetical order."""
    names: Names = defaultdict(list)
    with zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            if name.startswith(f"{split}/") and not name.endswith("/"):
                names[name.split("/")[1]].append(name)
    for of_class in names.values():
        of_class.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    return dict(sorted(names.items()))


def write_cut(archive: Path, target: Path, splits: Mapping[str, Iterable[str]]) -> Path:
    """A zip with these entries, each under the split that it is to be in."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as cut:
        for split, names in splits.items():
            for name in names:
                cut.writestr(f"{split}/{name.partition('/')[2]}", source.read(name))
    return target
