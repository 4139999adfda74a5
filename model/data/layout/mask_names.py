"""What the name of a file says about masks: `1_mask.png` belongs to `1.jpg` or `1_sat.jpg`. Opens no image."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from model.data.layout.folder_names import MASK_WORDS

_ENDS = MASK_WORDS | {"labels", "label", "matte", "superpixel", "superpixels", "trimap"}
_UNSURE_ENDS = frozenset(["label", "labels"])
"""A photo may be called so as well."""
_PHOTO_ENDS = frozenset(["image", "img", "orig", "original", "photo", "rgb", "sat"])
_LAST_WORD = re.compile(r"(.+?)[ _.-]+([A-Za-z]+)(?:[ _.-]?\d+)?")
_FIRST_WORD = re.compile(r"([A-Za-z]+)[ _.-]+(.+)")
_MANY = 0.3
"""A warning names the images that are called masks if they are at least this share of a class, but not the whole class."""


def name_without_mask(stem: str) -> str | None:
    """Return a file's stem without `_mask`, `-seg` or `_mask_1` at its end, or `mask_` before it; None without them."""
    return _without(stem, _ENDS)


def name_without_photo(stem: str) -> str | None:
    """Return a file's stem without `_sat`, `-image` or `img_`; None without such a word."""
    return _without(stem, _PHOTO_ENDS)


def is_certain_mask(stem: str) -> bool:
    """Whether the end of a name means masks alone; `mask_1.jpg` may be the photo of a mask to wear."""
    match = _LAST_WORD.fullmatch(stem)
    return match is not None and match[2].lower() in _ENDS - _UNSURE_ENDS


def _without(stem: str, words: frozenset[str]) -> str | None:
    match = _LAST_WORD.fullmatch(stem)
    if match and match[2].lower() in words:
        return match[1]
    match = _FIRST_WORD.fullmatch(stem)
    return match[2] if match and match[1].lower() in words else None


def find_named_masks(labels: Mapping[str, str]) -> list[str]:
    """Return the images called masks in classes of which they are a part, as in `forest/0_sat.jpg`, `forest/0_mask.png`.

    Args:
        labels: the class of each image, by path.
    """
    images = Counter(labels.values())
    named = defaultdict[str, list[str]](list)
    are_masks = {label: any(word in label.lower() for word in MASK_WORDS) for label in images}
    for path, label in labels.items():
        stem = path.rpartition("/")[2].rpartition(".")[0]
        if not are_masks[label] and _without(stem, MASK_WORDS) is not None:
            named[label].append(path)
    return sorted(
        path
        for label, paths in named.items()
        if _MANY * images[label] <= len(paths) < images[label]
        for path in paths
    )
