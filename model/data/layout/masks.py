"""Finds images that are masks of other images: beside a photo of the same name, or in a folder beside the photos."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image

from model.data.examination import ExaminedImage
from model.data.layout.folder_names import MASK_WORDS, is_part_name
from model.data.layout.layout import count_of, name_some
from model.data.layout.mask_names import is_certain_mask, name_without_mask, name_without_photo
from model.errors import ImageError

MASK_COLOURS = 32
"""A mask has a colour for each kind of region; a photo has hundreds."""
EXTREME_LEVELS, MASK_EXTREMES = 24, 0.98
"""At least this share of a mask's pixels (`MASK_EXTREMES`) differs from black or white by at most `EXTREME_LEVELS` of
256 levels: 0.99 in the masks of the Magnetic-Tile set, whose edges are soft, and at most 0.46 in its photos."""
_LOSSLESS = ("PNG", "BMP", "GIF")
_Place = tuple[str, str]
"""A folder, and the stem of a file's name."""


class MaskFinder:
    """Finds the masks among the images of a source."""

    def __init__(self, examined: Sequence[ExaminedImage]) -> None:
        self._examined = examined
        self._in_folder = defaultdict[_Place, list[ExaminedImage]](list)
        self._photos = defaultdict[_Place, list[ExaminedImage]](list)
        """The images such as `1_sat.jpg`, by the name without the word for photos."""
        self._beside = defaultdict[_Place, list[ExaminedImage]](list)
        """The images in folders such as `images`, by the folder around them."""
        for image in examined:
            folder, stem = _place(image)
            self._in_folder[folder, stem].append(image)
            parent, _, name = folder.rpartition("/")
            is_beside = is_part_name(name) and name.lower() not in MASK_WORDS
            if is_beside:
                self._beside[parent, stem].append(image)
            if (base := name_without_photo(stem)) is not None:
                self._photos[folder, base].append(image)
                if is_beside:
                    self._beside[parent, base].append(image)

    def find(self) -> tuple[dict[str, str], list[str]]:
        """Return the photo of each mask, by the path of the mask, and the images that may be masks."""
        photo_of: dict[str, str] = {}
        unclear: list[str] = []
        for image in self._examined:
            photo, possible = self._named_photo(image), self._twin(image)
            if photo is not None and not is_certain_mask(_place(image)[1]) and not _is_in_masks(image):
                photo, possible = None, photo
            if photo is None and possible is not None:
                if _looks_like_mask(image):
                    photo = possible
                else:
                    unclear.append(image.file.path)
            if photo is not None:
                photo_of[image.file.path] = photo.file.path
        return photo_of, unclear

    def _named_photo(self, image: ExaminedImage) -> ExaminedImage | None:
        """Return the photo of an image whose name, or whose folder's name, says that it is a mask."""
        folder, stem = _place(image)
        base = name_without_mask(stem)
        if base is not None and (
            photos := self._in_folder.get((folder, base)) or self._photos.get((folder, base))
        ):
            return photos[0]
        parent = folder.rpartition("/")[0]
        if _is_in_masks(image):
            for one in (stem, base):
                if one and (photos := self._beside.get((parent, one))):
                    return photos[0]
        return None

    def _twin(self, image: ExaminedImage) -> ExaminedImage | None:
        """Return the JPEG of the same name beside an image in a lossless format."""
        if image.facts.format not in _LOSSLESS:
            return None
        same_name = self._in_folder[_place(image)]
        return next((other for other in same_name if other.facts.format in ("JPEG", "MPO")), None)


def _place(image: ExaminedImage) -> _Place:
    folder, _, name = image.file.path.rpartition("/")
    return folder, name.rpartition(".")[0] or name


def _is_in_masks(image: ExaminedImage) -> bool:
    return _place(image)[0].rpartition("/")[2].lower() in MASK_WORDS


def _looks_like_mask(image: ExaminedImage) -> bool:
    """Whether an image has few colours, or is black and white but for the soft edges of its regions."""
    try:
        with Image.open(BytesIO(image.file.read())) as opened:
            rgb = opened.convert("RGB")
    except (ImageError, OSError, ValueError, SyntaxError):
        return False
    if rgb.getcolors(MASK_COLOURS) is not None:
        return True
    counts = rgb.convert("L").histogram()
    return sum(counts[:EXTREME_LEVELS] + counts[-EXTREME_LEVELS:]) >= MASK_EXTREMES * sum(counts)


def warn_of_masks(photo_of: Mapping[str, str], unclear: Sequence[str]) -> list[str]:
    """Return warnings that count the masks, and the images of the dataset that may be masks."""
    warnings = []
    if photo_of:
        mask, photo = next(iter(photo_of.items()))
        count = count_of(len(photo_of), "mask")
        warnings.append(f"{count} of other images, left out: {mask} belongs to {photo}.")
    if unclear:
        count = count_of(len(unclear), "image")
        warnings.append(
            f"{count} with names like those of masks or copies of others, used like all others: {name_some(list(unclear))}. If they are "
            "masks or copies, remove them."
        )
    return warnings
