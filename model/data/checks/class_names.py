"""Finds classes that are probably one class under two names, or several classes in one name. Opens no image."""

import re
from collections import defaultdict
from collections.abc import Collection

from model.data.layout.layout import name_some

_SHOWN = 5
_JOINTS = re.compile(r"\s*[|,;+&]\s*")


def warn_of_class_names(classes: Collection[str]) -> list[str]:
    """Return warnings that name the classes in doubt; no warning if there are none."""
    warnings = []
    if alike := find_alike(classes):
        shown = name_some([" = ".join(map(repr, names)) for names in alike], _SHOWN)
        warnings.append(
            f"Classes whose names differ only in upper and lower case or in spaces: {shown}. If they are the same class, give "
            "it one name."
        )
    joined = [label for label in sorted(classes) if _joins_classes(label, classes)]
    if joined:
        warnings.append(
            f"Classes whose names join those of other classes: {name_some(list(map(repr, joined)), _SHOWN)}. An image has one "
            "class: if these images show several, choose one or remove them."
        )
    return warnings


def find_alike(classes: Collection[str]) -> list[list[str]]:
    """Return the groups of classes with the same name but for case and spaces. Single letters differ by their case."""
    groups = defaultdict[str, list[str]](list)
    for label in sorted(classes):
        if len(label) > 1:
            groups[_key(label)].append(label)
    return [names for names in groups.values() if len(names) > 1]


def _key(label: str) -> str:
    """Return the name without case and spaces; between digits a space stays: `1 1` is not `11`."""
    words = re.sub(r"[\s_-]+", " ", label.casefold()).strip()
    return re.sub(r"(?<!\d) | (?!\d)", "", words) or label


def _joins_classes(label: str, classes: Collection[str]) -> bool:
    """Whether a name such as `cat|dog` or `cat dog` holds the names of other classes and nothing else."""
    return any(
        len(parts) > 1 and all(part in classes for part in parts)
        for parts in (_JOINTS.split(label), label.split())
    )
