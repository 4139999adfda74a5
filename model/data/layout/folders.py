"""Takes the class and split of each image from its folders. Opens no image."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from model.data.layout.class_name import parse_label
from model.data.layout.folder_names import (
    find_splits,
    has_part_word,
    is_beside_name,
    is_mask_name,
    is_numbered,
    is_part_name,
    is_split_name,
    look_like_splits,
)
from model.data.layout.layout import Layout, count_of, name_some
from model.data.layout.subfolders import (
    innermost_class,
    splits_around_classes,
    splits_inside_classes,
    warn_of_subfolders,
)

NOT_IN_A_CLASS = "not in the folder of a class"
OUTSIDE_SPLITS = "outside the folders train, test and val"
_Parts = dict[str, list[str]]
"""The parts of each image's path, below the folders that hold the whole dataset."""


@dataclass(frozen=True)
class FolderLayout:
    """A layout, and whether its folders can be those of classes."""

    layout: Layout
    doubt: str | None = None
    """Why the folders are probably not those of classes; None when they are."""
    is_impossible: bool = False
    """Whether the folders are certainly not those of classes, such as `train` and `test` with images in them."""


def read_folders(
    paths: Iterable[str], others: Iterable[str] = (), *, class_is_inner: bool = False
) -> FolderLayout:
    """Take class and split from the folders: `<class>/…`, or `train/<class>/…` beside `test/` or `val/`, or
    `<class>/train/…` beside `test/` or `val/` in each class.

    Outer folders that hold the whole dataset are ignored, so a zip may contain one folder with the class folders, and
    so are images and folders such as `docs` beside them. Class folders may contain subfolders.

    Args:
        paths: the images.
        others: the images that cannot be read, and the empty folders, each ending in a slash: their classes are named.
        class_is_inner: whether the innermost folder of an image names its class, and not the outermost.
    """
    layout = Layout({}, {}, {})
    parts_of = _unwrap({path: path.split("/") for path in paths}, layout.unplaced)
    splits = find_splits(
        {parts[0] for parts in parts_of.values() if len(parts) > 1}, _folders_of_folders(parts_of)
    )
    if splits:
        parts_of = _enter_splits(parts_of, splits, layout)
    around = set()
    for path, parts in parts_of.items():
        if len(parts) < 2:
            layout.unplaced[path] = NOT_IN_A_CLASS
            layout.splits.pop(path, None)
        else:
            level = innermost_class(parts) if class_is_inner else 0
            layout.labels[path] = parse_label(parts[level])
            around.add(path.removesuffix("/".join(parts[level:])))
    layout.without_images.update(_name_lost_classes(others, around) - set(layout.labels.values()))
    layout.warnings.extend(warn_of_folders_left_out(layout))
    if class_is_inner and not splits:
        inner, warnings = splits_around_classes({path: parts_of[path] for path in layout.labels})
        layout.splits.update(inner)
        layout.warnings.extend(warnings)
    elif not class_is_inner and not splits and (inside := splits_inside_classes(parts_of)):
        layout.splits.update({path: split for path, split in inside.items() if path in layout.labels})
    elif not class_is_inner:
        layout.warnings.extend(warn_of_subfolders([parts for parts in parts_of.values() if len(parts) > 2]))
    return _judge(layout)


def _name_lost_classes(others: Iterable[str], around: Collection[str]) -> set[str]:
    """Return the folders beside those of classes that hold files which cannot be read, or nothing."""
    lost = set()
    for path in others:
        for folder in around:
            name, slash, _ = path.removeprefix(folder).partition("/")
            is_class = path.startswith(folder) and slash and f"{folder}{name}/" not in around
            if is_class and not is_beside_name(name) and not is_split_name(name):
                lost.add(parse_label(name))
    return lost


def _folders_of_folders(parts_of: Mapping[str, list[str]]) -> set[str]:
    return {parts[0] for parts in parts_of.values() if len(parts) > 2}


def _unwrap(parts_of: _Parts, unplaced: dict[str, str], classes: Collection[str] = ()) -> _Parts:
    """Enter the folders that hold the whole dataset; what lies beside the dataset is noted as unplaced.

    A folder of `classes` is that of a class.
    """
    while (wrapper := _find_wrapper(parts_of)) is not None and wrapper not in classes:
        outside = [path for path, parts in parts_of.items() if parts[0] != wrapper or len(parts) == 1]
        unplaced.update(dict.fromkeys(outside, NOT_IN_A_CLASS))
        parts_of = {
            path: parts[1:] for path, parts in parts_of.items() if parts[0] == wrapper and len(parts) > 1
        }
    return parts_of


def _find_wrapper(parts_of: _Parts) -> str | None:
    """Return the folder that holds all class folders, if there is one: images and `docs` beside it do not count."""
    images, deep = Counter[str](), Counter[str]()
    subfolders, deeper = defaultdict[str, set[str]](set), set[str]()
    for parts in parts_of.values():
        if len(parts) > 1:
            images[parts[0]] += 1
        if len(parts) > 2:
            deep[parts[0]] += 1
            subfolders[parts[0]].add(parts[1])
        if len(parts) > 3:
            deeper.add(parts[0])
    inside = [folder for folder in images if not is_beside_name(folder)] if len(images) > 1 else list(images)
    if len(inside) != 1 or not subfolders[inside[0]]:
        return None
    (folder,) = inside
    if len(images) == 1 and deep[folder] == images[folder]:
        return folder
    # An image or two beside the class folders is no reason to take the outer folder for a class.
    has_classes = (len(subfolders[folder]) > 1 or folder in deeper) and deep[folder] > images[folder] / 2
    return folder if has_classes else None


def _enter_splits(parts_of: _Parts, splits: Mapping[str, str], layout: Layout) -> _Parts:
    """Return the parts below the folders of the splits, and note each image's split in the layout."""
    by_folder = defaultdict[str, _Parts](dict)
    for path, parts in parts_of.items():
        if len(parts) > 1 and parts[0] in splits:
            by_folder[parts[0]][path] = parts[1:]
        else:
            layout.unplaced[path] = OUTSIDE_SPLITS
    below: _Parts = {}
    classes: set[str] = set()
    for folder in sorted(by_folder, key=lambda folder: splits[folder] != "train"):
        inside = by_folder[folder]
        if all(parts[0] == folder and len(parts) > 1 for parts in inside.values()):
            inside = {path: parts[1:] for path, parts in inside.items()}  # `train/train/cat`
        inside = _unwrap(inside, layout.unplaced, classes)
        own = {parts[0] for parts in inside.values() if len(parts) > 1}
        if classes and own and not own & classes and all(map(is_part_name, own)):
            inside = {path: parts[-1:] for path, parts in inside.items()}  # `val/images` beside `train/cat`
        classes |= {parts[0] for parts in inside.values() if len(parts) > 1}
        below |= inside
        layout.splits.update(dict.fromkeys(inside, splits[folder]))
    return below


def warn_of_folders_left_out(layout: Layout) -> list[str]:
    """Return a warning that names the folders of which no image is used."""
    used = {folder for path in layout.labels for folder in _folders_around(path)}
    outermost = (
        next((one for one in _folders_around(path) if one not in used), None) for path in layout.unplaced
    )
    counts = Counter(folder for folder in outermost if folder is not None)
    left_out = sorted(f"{folder} ({count_of(count, 'image')})" for folder, count in counts.items())
    if not left_out:
        return []
    return [
        f"Images in these folders are left out, because they are in no folder of a class: {name_some(left_out, 5)}."
    ]


def _folders_around(path: str) -> list[str]:
    """Return the folders that hold a file, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _judge(folders: Layout) -> FolderLayout:
    """Return the layout with a doubt if its classes have the names of splits or of parts of a dataset."""
    classes = sorted(set(folders.labels.values()))
    if look_like_splits(classes):
        counts = Counter(folders.labels.values())
        held = name_some([f"{label} ({count_of(counts[label], 'image')})" for label in classes], 5)
        doubt = f"The folders are named like splits, not like classes: {held}"
        return FolderLayout(folders, doubt, is_impossible=all(map(is_split_name, classes)))
    if len(classes) < 2:
        where = (
            f"all images are in one folder, {classes[0]}" if classes else "no image is in a folder of a class"
        )
        return FolderLayout(folders, where[0].upper() + where[1:])
    if all(map(is_part_name, classes)) or (is_numbered(classes) and all(map(has_part_word, classes))):
        doubt = f"The folders are named like parts of a dataset, not like classes: {name_some(classes, 5)}"
        return FolderLayout(folders, doubt, is_impossible=any(map(is_mask_name, classes)))
    return FolderLayout(folders)
