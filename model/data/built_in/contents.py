"""The images of built-in datasets as files, with a report and thumbnails, as uploaded datasets have them. Imports no torch."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.appearance.thumbnails import ThumbnailFile
from model.data.archive import Source, SourceFile
from model.data.built_in.facts import BUILT_IN
from model.data.duplicates.grouping import find_near_duplicates
from model.data.examination import examine_images
from model.data.images_zip import write_zip
from model.data.placement import PlacedImage, Placement
from model.data.record import IMAGES_FILE, dataset_key
from model.data.report.contents import Contents
from model.data.report.index_file import INDEX_FILE
from model.data.report.writing import store_index
from model.data.sources.reading import read_built_in
from model.data.split import SplitName
from model.errors import ObjectExistsError
from model.storage.interface import Storage


def built_in_source(name: str, cache_dir: Path) -> Source:
    """Return the images of a built-in dataset as PNG files `<split>/<class>/<split>-<number>.png`.

    Raises:
        DatasetUnavailableError: the dataset cannot be downloaded.
    """
    return Source([file for _, _, file in _files(name, cache_dir)])


def store_built_in(name: str, storage: Storage, cache_dir: Path) -> None:
    """Store the images, the thumbnails and the index of a built-in dataset, unless storage has them.

    The images have the ids and the splits that trainings know; the dataset's own splits stay, whatever is nearly the same.

    Raises:
        DatasetUnavailableError: the dataset cannot be downloaded.
    """
    if storage.exists(dataset_key(name, INDEX_FILE)):
        return
    files = list(_files(name, cache_dir))
    places = {file.path: (split, label) for split, label, file in files}
    with storage.working_folder() as folder, ThumbnailFile(folder / "thumbnails") as thumbnails:
        examined, _ = examine_images(Source([file for _, _, file in files]), thumbnails)
        placed = [PlacedImage(*places[image.file.path], image) for image in examined]
        placed.sort(key=lambda image: (image.split, image.label, image.examined.digest))
        near = find_near_duplicates((image.digest, image.facts.miniature) for image in examined)
        contents = Contents(Placement(placed, []), near, [], {})
        with suppress(ObjectExistsError):  # another process stores them at the same time
            storage.put_stream(dataset_key(name, IMAGES_FILE), lambda file: write_zip(file, placed))
        ids = [Path(image.examined.file.path).stem for image in placed]
        store_index(name, contents, thumbnails, folder, storage, ids=ids)


def _files(name: str, cache_dir: Path) -> Iterator[tuple[SplitName, str, SourceFile]]:
    train, test = read_built_in(name, cache_dir)
    splits: tuple[SplitName, SplitName] = ("train", "test")
    for split, pixels in zip(splits, (train, test), strict=True):
        for number, (image, label) in enumerate(zip(pixels.images_NHWC, pixels.labels_N, strict=True)):
            own = BUILT_IN[name].classes[label]
            path = f"{split}/{own}/{split}-{number}.png"
            yield split, own, SourceFile(path, image.nbytes, partial(_png, image))


def _png(image_HWC: NDArray[np.uint8]) -> bytes:  # noqa: N803 - the shape
    """Return an image as a PNG file; one without colour as a grey image."""
    is_grey = bool((image_HWC == image_HWC[:, :, :1]).all())
    file = BytesIO()
    Image.fromarray(image_HWC[:, :, 0] if is_grey else image_HWC).save(file, "PNG")
    return file.getvalue()
