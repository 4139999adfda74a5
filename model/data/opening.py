"""Opens a dataset by its id or built-in name and reads its images one at a time. Imports no torch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile

from PIL import Image

from model.data.built_in.facts import BUILT_IN
from model.data.files.image_ids import image_ids
from model.data.images import decode_image
from model.data.record import IMAGES_FILE, dataset_key, read_record
from model.data.sources.pixels import Pixels
from model.data.sources.reading import read_built_in
from model.data.split import SplitName
from model.errors import CorruptArtifactError, ImageError
from model.spec import DatasetFacts
from model.storage.interface import Storage


class ReadImage(Protocol):
    """Reads one image of a split. Several threads may call it at once."""

    def __call__(
        self, index: int, image_size: int, before_pixels: Callable[[int], object] | None = None
    ) -> Image.Image:
        """Return an upright RGB image.

        The image may be smaller than the original, but has enough pixels for a square with sides of `image_size`.

        Args:
            index: of the image within the split.
            image_size: side of the square in pixels.
            before_pixels: called with the number of pixels that decoding will hold in memory, before decoding begins.
        """
        ...


@dataclass(frozen=True)
class OpenSplit:
    """The labels of a split and a function that reads its images."""

    labels: Sequence[int]
    """The class index of each image."""
    ids: Sequence[str]
    """The id of each image, unique in the dataset."""
    read: ReadImage


@dataclass(frozen=True)
class OpenDataset:
    """The facts and both splits of a dataset. Its images can be read until the context of `open_dataset` ends."""

    facts: DatasetFacts
    train: OpenSplit
    test: OpenSplit


def find_facts(dataset: str, storage: Storage) -> DatasetFacts:
    """Return the facts of a dataset, given by built-in name or id; raises DatasetUnavailableError when it is unknown."""
    return BUILT_IN.get(dataset) or read_record(dataset, storage).facts


@contextmanager
def open_dataset(dataset: str, storage: Storage, cache_dir: Path) -> Iterator[OpenDataset]:
    """Open a dataset by built-in name or id.

    Args:
        dataset: a key of `BUILT_IN`, or `ds_…`.
        storage: contains the imported datasets.
        cache_dir: keeps the downloads of built-in datasets.

    Raises:
        DatasetUnavailableError: the dataset is unknown or cannot be downloaded.
        CorruptArtifactError: the images of the dataset are damaged in storage.
    """
    facts = find_facts(dataset, storage)
    if dataset in BUILT_IN:
        train, test = read_built_in(dataset, cache_dir)
        yield OpenDataset(facts, _split_of_pixels(train, "train"), _split_of_pixels(test, "test"))
        return
    try:
        with storage.as_file(dataset_key(dataset, IMAGES_FILE)) as path, ZipFile(path) as archive:
            yield OpenDataset(
                facts, _split_of_zip(archive, "train", facts), _split_of_zip(archive, "test", facts)
            )
    except BadZipFile as error:
        raise CorruptArtifactError(
            f"The images of dataset {dataset} are damaged in storage ({error}): import it again."
        ) from error


def _split_of_pixels(pixels: Pixels, split: SplitName) -> OpenSplit:
    def read(index: int, image_size: int, before_pixels: object = None) -> Image.Image:  # noqa: ARG001 - `ReadImage`
        return Image.fromarray(pixels.images_NHWC[index])

    ids = [f"{split}-{index}" for index in range(len(pixels.labels_N))]
    return OpenSplit(pixels.labels_N.tolist(), ids, read)


def _split_of_zip(archive: ZipFile, split: SplitName, facts: DatasetFacts) -> OpenSplit:
    all_names = archive.namelist()
    all_ids = image_ids(name.split("/")[2] for name in all_names)
    names, ids = [], []
    for name, image_id in zip(all_names, all_ids, strict=True):
        if name.startswith(f"{split}/"):
            names.append(name)
            ids.append(image_id)
    index_of = {label: index for index, label in enumerate(facts.classes)}

    def read(
        index: int, image_size: int, before_pixels: Callable[[int], object] | None = None
    ) -> Image.Image:
        try:
            data = archive.read(names[index])
            return decode_image(
                data,
                image_size=image_size,
                sample_bits=facts.sample_bits,
                before_pixels=before_pixels,
            )
        except ImageError as error:
            raise CorruptArtifactError(
                f"{names[index]} of dataset {facts.id} could be read when it was imported and no longer can: {error}"
            ) from error

    return OpenSplit([index_of[name.split("/")[1]] for name in names], ids, read)
