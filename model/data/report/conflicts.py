"""Names images that lie in several classes. Opens no image."""

from model.data.files.characters import make_printable
from model.data.layout.layout import count_of
from model.data.placement import PlacedImage
from model.data.report.contents import Contents

NAMED = 20
"""At most this number of groups are named; the warning counts all of them."""
_PATH_CHARACTERS = 80


def describe_conflicts(contents: Contents) -> str:
    """Return how many images have the same picture as an image of another class."""
    groups = contents.in_conflict
    images = sum(map(len, groups.values()))
    shows = "shows" if images == 1 else "show"
    return f"{count_of(images, 'image')} {shows} the same as an image of another class, in {count_of(len(groups), 'group')}"


def warn_of_conflicts(contents: Contents) -> list[str]:
    """Return a warning that counts what the report counts, and names the first; no warning if there are none."""
    conflicts = sorted(_paths(contents.conflicts[group]) for group in contents.in_conflict)
    if not conflicts:
        return []
    named = "; ".join(" = ".join(paths) for paths in conflicts[:NAMED])
    unnamed = len(conflicts) - NAMED
    more = f"; and {count_of(unnamed, 'more group')}" if unnamed > 0 else ""
    return [f"{describe_conflicts(contents)}: {named}{more}. Keep each in the class that it belongs to."]


def _paths(images: list[PlacedImage]) -> list[str]:
    """Return the first path in each class."""
    by_class: dict[str, str] = {}
    for image in sorted(images, key=lambda one: one.examined.file.shown_path):
        by_class.setdefault(image.label, image.examined.file.shown_path)
    return sorted(make_printable(path)[-_PATH_CHARACTERS:] for path in by_class.values())
