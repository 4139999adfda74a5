"""The class and split of each image of an import."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Layout:
    """The class and split of each image, by path."""

    labels: dict[str, str]
    """The class of each image."""
    splits: dict[str, str]
    """`train`, `test` or `val` for each image; empty when the source has no splits."""
    unplaced: dict[str, str]
    """The images without a class, with the reason."""
    warnings: list[str] = field(default_factory=list)
    """What may be read wrongly; each says what was seen."""
    without_images: set[str] = field(default_factory=set)
    """The classes that the source names and that have no image."""


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun: `1 image`, `2 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def name_some(names: list[str], shown: int = 3) -> str:
    """Join the first names for a message, without quotes; the caller states the count."""
    return ", ".join(name if len(name) <= 100 else f"…{name[-99:]}" for name in names[:shown]) + (
        ", …" if len(names) > shown else ""
    )


def name_all(names: list[str], most_characters: int = 3000) -> str:
    """Join all names for a message, as far as they fit into it."""
    text = ", ".join(names)
    if len(text) <= most_characters:
        return text
    kept = text[:most_characters].rpartition(", ")[0]
    return f"{kept}, and {len(names) - kept.count(', ') - 1} more"
