"""The rules for names of classes."""

import unicodedata
from functools import lru_cache

from model.errors import DatasetRejectedError

LABEL_MAX_LENGTH = 100


@lru_cache(maxsize=4096)
def parse_label(label: str) -> str:
    """Return the name of a class as datasets keep it; raises DatasetRejectedError when it cannot be a name."""
    # macOS decomposes accents in file names, so class names from different systems would differ without NFC.
    name = unicodedata.normalize("NFC", label).strip()
    if (
        not 0 < len(name) <= LABEL_MAX_LENGTH
        or not name.isprintable()
        or name[0] == "."
        or set(name) & set("/\\")
    ):
        raise DatasetRejectedError(
            f"{label[:80]!r} cannot be the name of a class: use 1 to {LABEL_MAX_LENGTH} printable characters, no "
            "slashes, and no dot at the start."
        )
    return name
