"""Tells when folders of classes hold folders that may be the classes themselves. Knows names of folders only."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from model.data.layout.folder_names import (
    is_numbered,
    is_part_name,
    is_split_name,
    may_be_numbered_classes,
    split_of,
)
from model.data.layout.layout import count_of, name_some


def innermost_class(parts: Sequence[str]) -> int:
    """Return the level of the innermost folder of an image, but for folders such as `images` and `train`."""
    levels = range(len(parts) - 2, 0, -1)
    return next(
        (level for level in levels if not is_part_name(parts[level]) and not is_split_name(parts[level])), 0
    )


def splits_around_classes(parts_of: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], list[str]]:
    """Return the split of each image by the folders around its innermost class: `plant/train/rust/1.jpg`.

    Args:
        parts_of: the parts of the path of each image with a class.

    Returns:
        The splits, and a warning. The splits are empty unless every image is in one, and one is for training.
    """
    splits = {}
    for path, parts in parts_of.items():
        own = innermost_class(parts)
        around = [
            split_of(name) for level, name in enumerate(parts[:-1]) if level != own and is_split_name(name)
        ]
        if len(around) == 1 and around[0] is not None:
            splits[path] = around[0]
    if not splits:
        return {}, []
    outside = len(parts_of) - len(splits)
    if not outside and "train" in splits.values() and len(set(splits.values())) > 1:
        return splits, []
    found = " and ".join(sorted(set(splits.values()), reverse=True))
    why = (
        f"of {count_of(outside, 'image')} outside them"
        if outside
        else "they are not of train and another split"
    )
    return {}, [
        f"Folders around the classes are named like splits ({found}), but are not used, because {why}."
    ]


def splits_inside_classes(parts_of: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the split of each image by the folder in the folder of its class, as in `cat/train/1.jpg`.

    Empty unless every class folder holds nothing but splits, `train` and others, and these no folders.

    Args:
        parts_of: the parts of the path of each image, beginning with the class.
    """
    splits, of_class = {}, defaultdict[str, set[str]](set)
    for path, parts in parts_of.items():
        if len(parts) == 1:
            continue  # beside the class folders
        split = split_of(parts[1]) if len(parts) == 3 and is_split_name(parts[1]) else None
        if split is None:
            return {}
        splits[path] = split
        of_class[parts[0]].add(split)
    is_certain = all("train" in found and len(found) > 1 for found in of_class.values())
    return splits if is_certain and len(of_class) > 1 else {}


def warn_of_subfolders(deep: Collection[Sequence[str]]) -> list[str]:
    """Return a warning when folders of classes hold folders that may be the classes themselves.

    Args:
        deep: the parts of the paths of images in subfolders of class folders, beginning with the class.
    """
    folders_of = defaultdict[str, set[tuple[str, ...]]](set)
    for parts in deep:
        folders_of[parts[0]].add(tuple(parts[1:-1]))
    names_of = {label: _names_inside(folders) for label, folders in folders_of.items()}
    telling = _telling(names_of)
    if not telling:
        return []
    shown = "; ".join(f"{label} holds {name_some(names)}" for label, names in telling[:3])
    more = f"; and {len(telling) - 3} more" if len(telling) > 3 else ""
    seen = f"Folders in {count_of(len(telling), 'class folder')} count as part of the class: {shown}{more}."
    if all(is_split_name(name) for _, names in telling for name in names):
        remedy = "the splits, put train and test outside the folders of the classes"
        return [f"{seen} If those folders are {remedy}."]
    paths = [(label, *folders, "") for label, inside in folders_of.items() for folders in inside]
    inner = sorted({path[level] for path in paths if (level := innermost_class(path))})
    how = f"say so with class_folder=inner (--class-folder inner); the classes are then {name_some(inner, 5)}"
    in_splits = {any(map(is_split_name, parts)) for folders in folders_of.values() for parts in folders}
    if in_splits == {True}:
        how = f"{how}, and train and test are kept"
    elif True in in_splits:
        how = f"add one of the class folders alone, which keeps its train and test, or {how}"
    return [f"{seen} If those folders are the classes, {how}."]


def _names_inside(folders: Collection[tuple[str, ...]]) -> set[str]:
    """Return the names of the first folders that divide the images of a class, below folders that hold all and splits."""
    names = {parts[0] for parts in folders}
    inside = {parts[1:] for parts in folders if len(parts) > 1}
    holds_all = len(names) == 1 and len(inside) == len(folders)
    if inside and (holds_all or all(map(is_split_name, names))):
        return _names_inside(inside)
    return names


def _telling(names_of: Mapping[str, set[str]]) -> list[tuple[str, list[str]]]:
    """Return the classes whose folders may be classes, with their names; all with folders if there is such a class."""
    shared = Counter(name for names in names_of.values() for name in names)
    named, numbered = False, set[str]()
    for names in names_of.values():
        kept = [name for name in names if not is_part_name(name)]
        if len(kept) > 1 and not is_numbered(kept):
            named = True
        elif len(names) > 1 and is_numbered(names):
            numbered |= {name for name in names if shared[name] > 1}
    if not named and not (len(numbered) > 1 and may_be_numbered_classes(numbered, names_of)):
        return []
    kept_of = {
        label: sorted(name for name in names if name in numbered or not is_part_name(name))
        for label, names in names_of.items()
    }
    return sorted((label, names) for label, names in kept_of.items() if names)
