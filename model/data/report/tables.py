"""Counts what is in a dataset: classes, splits, sizes, formats and aspect ratios."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from model.data.files.characters import make_printable
from model.data.files.not_images import NOT_AN_IMAGE
from model.data.record import SkippedFile
from model.data.report.contents import Contents
from model.data.report.found import Found
from model.data.report.schema import SHOWN_SKIPPED, ClassCount, Range, Report, Sizes

_RATIOS = ((1, 3), (1, 2), (9, 16), (2, 3), (3, 4), (1, 1), (4, 3), (3, 2), (16, 9), (2, 1), (3, 1))
_SHOWN_REASONS = 20
_PATH_CHARACTERS = 200


def make_report(contents: Contents, found: list[Found], ids: list[str]) -> Report:
    """Return the report of a dataset.

    Args:
        contents: its images and the skipped files.
        found: the findings in their order.
        ids: the id of each image, by number.
    """
    placed, skipped = contents.placed, contents.skipped
    facts = [image.examined.facts for image in placed]
    counts = Counter((image.label, image.split) for image in placed)
    first = sorted(skipped, key=lambda file: (file.reason == NOT_AN_IMAGE, file.path))[:SHOWN_SKIPPED]
    return Report(
        images=len(placed),
        findings=[one.describe(ids) for one in found],
        classes=[
            ClassCount(name=name, train=counts[name, "train"], test=counts[name, "test"])
            for name in sorted({image.label for image in placed})
        ],
        splits=_count(image.split for image in placed),
        sizes=Sizes(
            width=_range(one.width for one in facts),
            height=_range(one.height for one in facts),
            file_bytes=_range(image.examined.size_bytes for image in placed),
            total_bytes=sum(image.examined.size_bytes for image in placed),
        ),
        formats=_count(one.format for one in facts),
        modes=_count(one.mode for one in facts),
        aspect_ratios=_count(_nearest_ratio(one.width, one.height) for one in facts),
        skipped_count=len(skipped),
        skipped_reasons=dict(
            list(_count(make_printable(file.reason.partition(":")[0]) for file in skipped).items())[
                :_SHOWN_REASONS
            ]
        ),
        skipped=[
            SkippedFile(path=make_printable(file.path)[:_PATH_CHARACTERS], reason=make_printable(file.reason))
            for file in first
        ],
    )


def _count(values: Iterable[str]) -> dict[str, int]:
    """Count the values, the most frequent first; values that are equally frequent in their order."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _range(values: Iterable[int]) -> Range:
    known = sorted(values)
    return Range(min=known[0], median=statistics.median_low(known), max=known[-1])


@lru_cache(10_000)
def _nearest_ratio(width: int, height: int) -> str:
    """Name the nearest of the usual ratios of width to height."""
    nearest = min(_RATIOS, key=lambda one: abs(math.log(width * one[1] / (height * one[0]))))
    return "{}:{}".format(*nearest)
