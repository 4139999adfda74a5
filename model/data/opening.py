"""Datasets by id or built-in name: their facts and their images, one at a time. Knows no torch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from PIL import Image

from model.data.built_in import BUILT_IN, read_built_in
from model.data.images import MAX_SIDE, decode_image
from model.data.record import IMAGES_FILE, dataset_key, read_record
from model.data.sources.pixels import Pixels
from model.data.split import SplitName
from model.errors import CorruptArtifactError, ImageError
from model.spec import DatasetFacts
from model.storage.interface import Storage


@dataclass(frozen=True)
class OpenSplit:
    """The images of one split, read when asked for; safe to use from several threads."""

    labels: Sequence[int]
    read: Callable[[int, int], Image.Image]
    """The upright RGB image of an index, good enough for a square of so many pixels."""


@dataclass(frozen=True)
class OpenDataset:
    """A dataset whose images can be read."""

    facts: DatasetFacts
    train: OpenSplit
    test: OpenSplit


def find_facts(dataset: str, storage: Storage) -> DatasetFacts:
    """The facts of a built-in name or a dataset id; raises DatasetUnavailableError when there is none."""
    return BUILT_IN.get(dataset) or read_record(dataset, storage).facts


@contextmanager
def open_dataset(dataset: str, storage: Storage, cache_dir: Path) -> Iterator[OpenDataset]:
    """Open a dataset by built-in name or id.

    Args:
        dataset: a key of `BUILT_IN`, or `ds_…`.
        storage: where imported datasets are.
        cache_dir: where the downloads of built-in ones are kept.
    """
    facts = find_facts(dataset, storage)
    if dataset in BUILT_IN:
        train, test = read_built_in(dataset, cache_dir)
        yield OpenDataset(facts, _split_of_pixels(train), _split_of_pixels(test))
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


def export_images(
    dataset: str, split: SplitName, count: int, out_dir: Path, *, storage: Storage, cache_dir: Path
) -> list[Path]:
    """Write the first images of a split, class after class in turn, as `<label>_<n>.png`; returns the files."""
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    with open_dataset(dataset, storage, cache_dir) as opened:
        images = opened.train if split == "train" else opened.test
        for number, index in _take_in_turn(images.labels, count):
            path = out_dir / f"{opened.facts.classes[images.labels[index]]}_{number}.png"
            images.read(index, MAX_SIDE).save(path)
            written.append(path)
    return written


def _take_in_turn(labels: Sequence[int], count: int) -> list[tuple[int, int]]:
    """(How many of its class came before it, index) of `count` images, evenly over the classes."""
    seen: dict[int, int] = {}
    turns = []
    for index, label in enumerate(labels):
        seen[label] = seen.get(label, -1) + 1
        turns.append((seen[label], label, index))
    return [(turn, index) for turn, _, index in sorted(turns)[:count]]


def _split_of_pixels(pixels: Pixels) -> OpenSplit:
    def read(index: int, _: int) -> Image.Image:
        return Image.fromarray(pixels.images_NHWC[index])

    return OpenSplit(pixels.labels_N.tolist(), read)


def _split_of_zip(archive: ZipFile, split: SplitName, facts: DatasetFacts) -> OpenSplit:
    names = [name for name in archive.namelist() if name.startswith(f"{split}/")]
    index_of = {label: index for index, label in enumerate(facts.classes)}

    def read(index: int, image_size: int) -> Image.Image:
        try:
            return decode_image(archive.read(names[index]), image_size=image_size)
        except ImageError as error:
            raise CorruptArtifactError(
                f"{names[index]} of dataset {facts.id} could be read at import and no longer can: {error}"
            ) from error

    return OpenSplit([index_of[name.split("/")[1]] for name in names], read)
