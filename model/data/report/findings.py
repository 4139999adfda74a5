"""Finds what is wrong with a dataset, in order of what it costs a model. Likely label errors are found by trainings."""

from collections.abc import Callable, Iterator

from model.data.report.class_findings import (
    find_empty_classes,
    find_few_images,
    find_imbalance,
    find_similar_names,
    find_split_classes,
)
from model.data.report.contents import Contents
from model.data.report.found import Found
from model.data.report.group_findings import find_label_conflicts, find_near_duplicates, find_split_leaks
from model.data.report.image_findings import (
    find_blank_images,
    find_formats_of_classes,
    find_skipped_files,
    find_tiny_images,
)
from model.data.report.schema import rank_of

_CHECKS: tuple[Callable[[Contents], Iterator[Found]], ...] = (
    find_split_classes,
    find_empty_classes,
    find_label_conflicts,
    find_split_leaks,
    find_similar_names,
    find_empty_classes,
    find_few_images,
    find_imbalance,
    find_formats_of_classes,
    find_blank_images,
    find_near_duplicates,
    find_tiny_images,
    find_skipped_files,
)
"""Each finds at most one kind of fault; the one that costs most comes first."""


def find_all(contents: Contents) -> list[Found]:
    """Return all findings about a dataset; those of the same severity are in the order of the checks."""
    found = [one for check in _CHECKS for one in check(contents)]
    return sorted(found, key=lambda one: rank_of(one.severity))
