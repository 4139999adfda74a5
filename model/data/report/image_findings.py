"""Findings about single images, about file formats, and about the files that are not part of the dataset."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sized

from model.data.files.file_endings import is_image_name
from model.data.layout.layout import count_of, name_some
from model.data.report.codes import FindingCode
from model.data.report.contents import Contents
from model.data.report.found import Found
from model.data.report.schema import Severity

BLANK_SHARE = 0.98
"""An image is blank if this share of its pixels has one colour."""
TINY_SIDE = 16
TINY_PART = 8
"""An image is tiny if its shorter side is below the median of the dataset by this factor, or below `TINY_SIDE` pixels where most
images are not."""
FORMAT_DIFFERENCE = 0.8
FORMAT_IMAGES = 10
"""A class has a format of its own if the share of this format in the class and in all other classes together differ by
FORMAT_DIFFERENCE, and both sides have FORMAT_IMAGES images."""
_SHOWN = 5


def find_blank_images(contents: Contents) -> Iterator[Found]:
    """Find images that show nothing."""
    images = {
        number: "black" if colours.is_black else f"{colours.share_of_one:.0%} one colour"
        for number, image in enumerate(contents.placed)
        if (colours := image.examined.colours).share_of_one >= BLANK_SHARE
    }
    if images:
        black = sum(note == "black" for note in images.values())
        yield Found(
            FindingCode.BLANK_IMAGES,
            Severity.MEDIUM,
            f"{count_of(len(images), 'image')} {_is(images)} black or of nearly one colour ({black:,} black)",
            "They show nothing that a model could learn. Unless an empty picture is what their class means, remove them: "
            "`ninefold datasets correct NAME --remove IMAGE`.",
            images,
        )


def find_tiny_images(contents: Contents) -> Iterator[Found]:
    """Find images with few pixels, for themselves or beside the others."""
    sides = [min(image.examined.facts.width, image.examined.facts.height) for image in contents.placed]
    median = statistics.median_low(sides)
    images = {
        number: f"{image.examined.facts.width} x {image.examined.facts.height} pixels"
        for number, image in sorted(enumerate(contents.placed), key=lambda item: sides[item[0]])
        if sides[number] < min(TINY_SIDE, median) or TINY_PART * sides[number] < median
    }
    if images:
        yield Found(
            FindingCode.TINY_IMAGES,
            Severity.LOW,
            f"{count_of(len(images), 'image')} {_is(images)} tiny: the shorter side is below {TINY_SIDE} pixels, or below an "
            f"eighth of the median, {median}",
            "Icons and previews are often among photos by mistake. Replace them by larger copies, or remove them: "
            "`ninefold datasets correct NAME --remove IMAGE`.",
            images,
        )


def find_formats_of_classes(contents: Contents) -> Iterator[Found]:
    """Find classes that a model could tell from the file format alone."""
    formats = [
        _format_of(image.examined.facts.format, image.examined.facts.mode) for image in contents.placed
    ]
    of_all = Counter(formats)
    by_class: dict[str, Counter[str]] = {}
    for image, kind in zip(contents.placed, formats, strict=True):
        by_class.setdefault(image.label, Counter())[kind] += 1
    own = {
        label: kind
        for label, counts in sorted(by_class.items())
        if min(counts.total(), of_all.total() - counts.total()) >= FORMAT_IMAGES
        for kind in of_all
        if counts[kind] / counts.total() - (of_all[kind] - counts[kind]) / (of_all.total() - counts.total())
        >= FORMAT_DIFFERENCE
    }
    if own:
        named = name_some([f"{label} ({kind})" for label, kind in own.items()], _SHOWN)
        yield Found(
            FindingCode.MIXED_FORMATS,
            Severity.MEDIUM,
            f"The file format tells the class: {named}",
            "A model may learn the format, such as the traces of JPEG or grey pixels, instead of what the pictures show. "
            "Take all images from the same sources, or convert all of them to one format.",
            {
                number: formats[number]
                for number, image in enumerate(contents.placed)
                if own.get(image.label) == formats[number]
            },
            list(own),
        )


def find_skipped_files(contents: Contents) -> Iterator[Found]:
    """Find out whether files are missing in the dataset."""
    if contents.skipped:
        images = sum(is_image_name(file.path) for file in contents.skipped)
        yield Found(
            FindingCode.SKIPPED_FILES,
            Severity.MEDIUM if images else Severity.LOW,
            f"{count_of(len(contents.skipped), 'file')} of the upload {_is(contents.skipped)} not part of the dataset, "
            f"{images:,} of them named like images",
            "The list names every file and the reason: `ninefold datasets report NAME --skipped-csv FILE`, or "
            "`GET /datasets/NAME/report?format=csv`. Repair what should be part of it, then add the images again.",
            count=len(contents.skipped),
        )


def _format_of(file_format: str, mode: str) -> str:
    name = "JPEG" if file_format == "MPO" else file_format
    return f"{name}, grey" if mode in ("1", "L", "LA") or mode.startswith("I") else name


def _is(things: Sized) -> str:
    return "is" if len(things) == 1 else "are"
