"""Recognises sets that are made for other purposes than one class for each image, to say what to do with them."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from model.data.archive import Source, SourceFile
from model.data.files.file_endings import is_image_name
from model.data.layout.folder_names import is_mask_name
from model.data.layout.layout import name_some
from model.errors import ImageError

_MOST_READ = 5
"""Files of each kind that are looked into."""
_HEAD_BYTES = 4096
_ONE_CLASS = (
    "Ninefold learns one class for each whole image. Export the set for classification, with a folder for each class (in Roboflow "
    "the format Folder Structure), or cut out the objects into a folder for each class."
)
_YOLO_LINE = re.compile(rb"\s*\d+(\s+-?[\d.eE+-]+){4,}\s*(\r?\n|$)")
_LABEL_WORDS = re.compile(r"label|class|annot|metadata|target|train|test|val", re.IGNORECASE)
_LABEL_ENDINGS = (".json", ".jsonl", ".txt", ".lst", ".xlsx", ".xls", ".ods")
_CLASS_IN_NAME = re.compile(r"([^\W\d_][^\d]*?)[-_. ]*\d+")


def describe_set(source: Source) -> str:
    """Return what kind of set the files are and what to do, or `""` when nothing is recognised."""
    paths = [*(file.path for file in source.files), *(file.path for file in source.skipped)]
    images = [path for path in paths if is_image_name(path)]
    if kind := _boxes(source.files, images):
        return f"This looks like a set for object detection, {kind}. {_ONE_CLASS}"
    masks = sum(any(map(is_mask_name, path.split("/")[:-1])) for path in images)
    if masks and 3 * masks >= len(images):
        return f"This looks like a set for segmentation, with masks. {_ONE_CLASS}"
    labels = [path for path in paths if path.lower().endswith(_LABEL_ENDINGS) and _may_list_labels(path)]
    if images and labels:
        return (
            f"{name_some(sorted(labels))} may list the classes, but only tables .csv and .tsv are read: write a labels.csv with "
            "the columns path,label."
        )
    return _describe_names(images)


def _boxes(files: Sequence[SourceFile], images: Sequence[str]) -> str:
    """Return the format of the files that list boxes, and one of the files."""
    stems = {PurePosixPath(path).stem for path in images}
    of_images = [file for file in files if PurePosixPath(file.path).stem in stems]
    checks = {
        ".txt": ("YOLO", of_images, _is_yolo),
        ".xml": ("Pascal VOC", of_images, lambda data: b"<annotation" in data and b"<object" in data),
        ".json": ("COCO", files, lambda data: b'"annotations"' in data and b'"images"' in data),
    }
    for ending, (name, candidates, is_kind) in checks.items():
        listed = [file for file in candidates if file.path.lower().endswith(ending)]
        found = next((file for file in listed[:_MOST_READ] if is_kind(_read(file))), None)
        if found is not None:
            return f"with boxes in the format {name} ({name_some([found.path])})"
    return ""


def _is_yolo(data: bytes) -> bool:
    return _YOLO_LINE.match(data[:_HEAD_BYTES]) is not None


def _read(file: SourceFile) -> bytes:
    try:
        return file.read()
    except ImageError:
        return b""


def _may_list_labels(path: str) -> bool:
    return _LABEL_WORDS.search(PurePosixPath(path).stem) is not None


def _describe_names(images: Sequence[str]) -> str:
    """Say that the names of the images seem to begin with their class, as in `Abyssinian_12.jpg`."""
    matches = (_CLASS_IN_NAME.fullmatch(PurePosixPath(path).stem) for path in images)
    words = Counter(match[1] for match in matches if match)
    if len(words) < 2 or words.total() < len(images) or 2 * len(words) > len(images):
        return ""
    return (
        f"The names of the images begin with {len(words)} different words ({name_some(sorted(words))}): if these are the classes, "
        "move the images into a folder for each, or write a labels.csv with the columns path,label."
    )
