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


def write_seed_cut(archive: Path, target: Path, seed: int, train_images: int, test_images: int) -> Path:
    """Write a zip with images of each class of the split `train`: the first ones are its test split, and each seed trains on others."""
    begin = test_images + seed * train_images
    names = entries(archive, "train").values()
    splits = {
        "test": [name for of_class in names for name in of_class[:test_images]],
        "train": [name for of_class in names for name in of_class[begin : begin + train_images]],
    }
    return write_cut(archive, target, splits)
