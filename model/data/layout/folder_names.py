"""What the names of folders say: splits, parts of a dataset, masks, or classes."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache

SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "dev": "val",
    "eval": "val",
    "evaluation": "val",
    "holdout": "test",
}
"""The split that each folder name or value of the column `split` stands for; the names are in lower case."""
_PARTS = frozenset(
    [
        "archive",
        "batch",
        "chunk",
        "collection",
        "data",
        "dataset",
        "datasets",
        "extracted",
        "file",
        "files",
        "folder",
        "fold",
        "image",
        "images",
        "img",
        "imgs",
        "input",
        "jpeg",
        "jpg",
        "original",
        "originals",
        "part",
        "photo",
        "photos",
        "pic",
        "pics",
        "picture",
        "pictures",
        "png",
        "raw",
        "sample",
        "samples",
        "set",
        "sets",
        "split",
        "subset",
        "upload",
    ]
)
"""Words in names of folders that hold images of any class."""
_BESIDE = frozenset(
    [
        "asset",
        "assets",
        "demo",
        "demos",
        "doc",
        "docs",
        "documentation",
        "example",
        "examples",
        "fig",
        "figs",
        "figure",
        "figures",
        "notebook",
        "notebooks",
        "preview",
        "previews",
        "readme",
        "result",
        "results",
        "sample",
        "samples",
        "screenshot",
        "screenshots",
        "script",
        "scripts",
        "src",
        "thumbnails",
    ]
)
"""Words in names of folders with pictures that are not part of a dataset."""
_ENDING = re.compile(r"(?:set|data|images?|imgs?)$")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")


def find_splits(names: Collection[str], trains_with_classes: Collection[str]) -> dict[str, str]:
    """Return the split that each of the sibling folders stands for; empty when they are no splits.

    `training_set` and `test_set`, `Train Data` and `Testing Data`, or `seg_train` and `seg_test` are splits: without
    words such as `data`, the names differ by the name of a split alone. One folder must be for training.

    Args:
        names: the names of the folders.
        trains_with_classes: the folders that hold folders of images, as a folder for training must.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name in names:
        if (parsed := _parse(name)) is not None:
            groups[parsed[1]][name] = parsed[0]
    plain = groups.pop((), {})
    candidates = [group for group in groups.values() if len(set(group.values())) > 1]
    if plain:
        candidates = [plain]
    if len(candidates) != 1:
        return {}
    (found,) = candidates
    has_train = any(split == "train" and name in trains_with_classes for name, split in found.items())
    return found if has_train else {}


def split_of(name: str) -> str | None:
    """Return the split that a name such as `Training Set` or `cats_test.csv` holds, if it holds exactly one."""
    parsed = _parse(name)
    return parsed[0] if parsed else None


def is_split_name(name: str) -> bool:
    """Whether a name stands for a split and nothing else, such as `train`, `Testing Data` or `test1`."""
    parsed = _parse(name)
    return parsed is not None and not parsed[1]


def look_like_splits(classes: Collection[str]) -> bool:
    """Whether at least half of the classes have the name of a split."""
    return bool(classes) and 2 * sum(map(is_split_name, classes)) >= len(classes)


@lru_cache
def is_part_name(name: str) -> bool:
    """Whether a name says that a folder holds images but not of which class, such as `images`, `part_2` or `masks`."""
    words = _words(name)
    named = [word for word in words if not word.isdigit()]
    if named == ["sample"] and named != words:
        return False  # `Sample001` is a class in published sets of letters
    return bool(named) and all(word in _PARTS or word in MASK_WORDS for word in named)


def has_part_word(name: str) -> bool:
    """Whether a name holds such a word beside others, as `HAM10000_images_part_1` does."""
    return not _PARTS.isdisjoint(_words(name))


def is_mask_name(name: str) -> bool:
    """Whether a name is that of a folder of masks."""
    return is_part_name(name) and not MASK_WORDS.isdisjoint(_words(name))


def is_beside_name(name: str) -> bool:
    """Whether a folder of this name, beside a dataset, is no part of it, such as `docs` or `sample_images`."""
    words = _words(name)
    return bool(words) and words[0] in _BESIDE and all(word in _BESIDE | _PARTS for word in words)


def is_numbered(names: Iterable[str]) -> bool:
    """Whether the names differ in their digits alone, as those of patients, dates or batches do."""
    return len({re.sub(r"\d+", "0", name) for name in names}) == 1


_OF_ONE_SOURCE = re.compile(
    "acquisition|author|cam|camera|case|clip|date|day|exam|fold|frame|group|hospital|location|month|participant|patient|"
    "person|player|run|scan|scene|sequence|series|session|shot|site|slide|speaker|study|subject|trial|user|video|view|visit|"
    "volunteer|week|writer|year"
)
"""Words in names of folders whose images come from one person, place or time."""
_CLASS_WORDS = frozenset(["category", "class", "kind", "label", "species"])


def may_be_numbered_classes(names: Collection[str], around: Collection[str]) -> bool:
    """Whether numbered folders that are in each of several folders may be classes: `anna/0`, `farm1/class1`.

    Patients, days, parts of a dataset, and numbers of four digits are no classes, nor is what lies in `class1`.
    """
    words = {word for name in names for word in _words(name) if not word.isdigit()}
    if is_numbered(around) and any(word in _CLASS_WORDS for name in around for word in _words(name)):
        return False
    if not words:
        return all(len(name) < 4 for name in names)
    return not any(_OF_ONE_SOURCE.fullmatch(word) or (word in _PARTS and word != "sample") for word in words)


MASK_WORDS = frozenset(
    [
        "annotation",
        "annotations",
        "annots",
        "groundtruth",
        "gt",
        "mask",
        "masks",
        "seg",
        "segmentation",
        "segmentations",
    ]
)
"""Words in names of folders with masks, and at the end of names of masks."""


def _parse(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the one split in a name, and the name's other words."""
    splits, others = set(), []
    for word in _words(name):
        split = SPLITS.get(word) or SPLITS.get(_ENDING.sub("", word))
        if split:
            splits.add(split)
        elif word not in _PARTS and not word.isdigit():
            others.append(word)
    return (splits.pop(), tuple(others)) if len(splits) == 1 else None


def _words(name: str) -> list[str]:
    """Split a name into words, in lower case: `TrainData`, `train_data` and `Train Data` have two."""
    return [word.lower() for word in _WORD.findall(name)]
