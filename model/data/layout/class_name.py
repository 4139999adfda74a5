"""The rules for names of classes."""

import unicodedata
from functools import lru_cache

from model.data.files.characters import describe_character, is_safe, shorten, with_plain_spaces
from model.errors import DatasetRejectedError

LABEL_MAX_LENGTH = 100


@lru_cache(maxsize=4096)
def parse_label(label: str) -> str:
    """Return the name of a class as datasets keep it; raises DatasetRejectedError when it cannot be a name."""
    # macOS decomposes accents in file names, so class names from different systems would differ without NFC.
    name = with_plain_spaces(unicodedata.normalize("NFC", label)).strip()
    if (reason := _fault(name)) is not None:
        raise DatasetRejectedError(f"{shorten(label)!r} cannot be the name of a class: {reason}.")
    return name


def _fault(name: str) -> str | None:
    """Return why a name is refused and what to do, or None."""
    if not any(character.isprintable() for character in name):
        return "use at least one letter or digit"
    if len(name) > LABEL_MAX_LENGTH:
        return f"it has {len(name)} characters, use {LABEL_MAX_LENGTH} at most"
    if name[0] == ".":
        return "let it begin with another character than a dot"
    for place, character in enumerate(name, start=1):
        if character in "/\\" or not is_safe(character):
            return (
                f"its character {place} is {describe_character(character)}, rename it without that character"
            )
    return None
