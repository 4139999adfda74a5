"""Finds images that are masks of other images: beside a photo of the same name, or in a folder beside the photos."""

from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath

from PIL import Image

from model.data.examination import ExaminedImage
from model.data.layout.folder_names import MASK_WORDS, is_part_name, mask_words_at_end
from model.data.layout.layout import name_some
from model.errors import ImageError

MASK_COLOURS = 32
"""A mask has a colour for each kind of region; a photo has hundreds."""
_LOSSLESS = ("PNG", "BMP", "GIF")
_Place = tuple[str, str]
"""A folder, and the stem of a file's name."""


class MaskFinder:
    """Finds the masks among the images of a source."""

    def __init__(self, examined: Sequence[ExaminedImage]) -> None:
        self._examined = examined
        self._in_folder = defaultdict[_Place, list[ExaminedImage]](list)
        self._beside = defaultdict[_Place, list[ExaminedImage]](list)
        """The images in folders such as `images`, by the folder around them."""
        for image in examined:
            path = PurePosixPath(image.file.path)
            self._in_folder[str(path.parent), path.stem].append(image)
            if is_part_name(path.parent.name) and path.parent.name.lower() not in MASK_WORDS:
                self._beside[str(path.parent.parent), path.stem].append(image)

    def find(self) -> tuple[dict[str, str], list[str]]:
        """Return the photo of each mask, by the path of the mask, and warnings about pairs that are unclear."""
        photo_of: dict[str, str] = {}
        unclear: list[str] = []
        for image in self._examined:
            photo = self._named_photo(image)
            if photo is None and (twin := self._twin(image)) is not None:
                if _has_few_colours(image):
                    photo = twin
                else:
                    unclear.append(image.file.path)
            if photo is not None:
                photo_of[image.file.path] = photo.file.path
        return photo_of, _warn(photo_of, unclear)

    def _named_photo(self, image: ExaminedImage) -> ExaminedImage | None:
        """Return the photo of an image whose name, or whose folder's name, says that it is a mask."""
        path = PurePosixPath(image.file.path)
        base = mask_words_at_end(path.stem)
        if base is not None and (photos := self._in_folder.get((str(path.parent), base))):
            return photos[0]
        if path.parent.name.lower() in MASK_WORDS:
            for stem in (path.stem, base):
                if stem and (photos := self._beside.get((str(path.parent.parent), stem))):
                    return photos[0]
        return None

    def _twin(self, image: ExaminedImage) -> ExaminedImage | None:
        """Return the JPEG of the same name beside an image in a lossless format."""
        if image.facts.format not in _LOSSLESS:
            return None
        path = PurePosixPath(image.file.path)
        same_name = self._in_folder[str(path.parent), path.stem]
        return next((other for other in same_name if other.facts.format in ("JPEG", "MPO")), None)


def _has_few_colours(image: ExaminedImage) -> bool:
    try:
        with Image.open(BytesIO(image.file.read())) as opened:
            return opened.convert("RGB").getcolors(MASK_COLOURS) is not None
    except (ImageError, OSError, ValueError, SyntaxError):
        return False


def _warn(photo_of: dict[str, str], unclear: list[str]) -> list[str]:
    warnings = []
    if photo_of:
        mask, photo = next(iter(photo_of.items()))
        warnings.append(
            f"{len(photo_of)} images are masks of other images and are left out: {mask} is that of {photo}."
        )
    if unclear:
        warnings.append(
            f"{len(unclear)} images have the name of a JPEG beside them and are used like all others: {name_some(unclear)}. "
            "If they are masks or copies, remove them."
        )
    return warnings
