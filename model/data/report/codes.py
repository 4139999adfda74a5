"""The codes of findings and splits that queries may name."""

from enum import StrEnum


class FindingCode(StrEnum):
    """What may be wrong with a dataset."""

    SPLIT_CLASSES = "split_classes"
    EMPTY_CLASSES = "empty_classes"
    LABEL_CONFLICTS = "label_conflicts"
    SPLIT_LEAKS = "split_leaks"
    LABEL_ERRORS = "label_errors"
    SIMILAR_NAMES = "similar_names"
    FEW_IMAGES = "few_images"
    IMBALANCE = "imbalance"
    MIXED_FORMATS = "mixed_formats"
    BLANK_IMAGES = "blank_images"
    NEAR_DUPLICATES = "near_duplicates"
    TINY_IMAGES = "tiny_images"
    SKIPPED_FILES = "skipped_files"
