"""Finds images that lie in several classes. Opens no image."""

from collections.abc import Sequence

from model.data.examination import ExaminedImage
from model.data.files.characters import make_printable
from model.data.layout.layout import Layout

NAMED = 20
"""At most this number of images are named; the warning counts all of them."""
_PATH_CHARACTERS = 80


def warn_of_conflicts(examined: Sequence[ExaminedImage], layout: Layout) -> list[str]:
    """Return a warning that names the files with equal bytes but different classes; no warning if there are none."""
    paths_of: dict[str, dict[str, str]] = {}
    for image in examined:
        if (label := layout.labels.get(image.file.path)) is not None:
            paths_of.setdefault(image.digest, {}).setdefault(label, image.file.path)
    conflicts = sorted(sorted(by_label.values()) for by_label in paths_of.values() if len(by_label) > 1)
    if not conflicts:
        return []
    named = "; ".join(" = ".join(_shorten(path) for path in paths) for paths in conflicts[:NAMED])
    more = f"; and {len(conflicts) - NAMED} more" if len(conflicts) > NAMED else ""
    count = f"{len(conflicts)} images are" if len(conflicts) > 1 else "1 image is"
    return [f"{count} in more than one class: {named}{more}. Keep each in the class that it belongs to."]


def _shorten(path: str) -> str:
    return make_printable(path)[-_PATH_CHARACTERS:]
