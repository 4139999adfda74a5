"""Turns a folder or zip of labelled images into a frozen dataset in storage. Trusts nothing that it reads."""

import hashlib
import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import TypeAdapter, ValidationError

from model.data.archive import ImportLimits, Source, SourceFile, open_source
from model.data.built_in import BUILT_IN
from model.data.images import ImageFacts, inspect_image
from model.data.layout import LABELS_FILE, Layout, find_labels_file, read_folders, read_labels
from model.data.record import (
    IMAGES_FILE,
    RECORD_FILE,
    SKIPPED_LISTED,
    DatasetRecord,
    SkippedFile,
    dataset_key,
    read_record,
)
from model.data.split import MIN_TRAIN_IMAGES, SplitName, choose_test_images, hash_content
from model.errors import DatasetRejectedError, ImageError, ObjectExistsError, UnexpectedDatasetError
from model.host.cpus import cpu_quota
from model.spec import DatasetFacts, Name
from model.storage.interface import Storage

MAX_CLASSES = 1000
MAX_THREADS = 4
"""Each may hold an image of 64 million pixels, three times over."""
EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say; the same for every file, so that equal images make equal zips."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Examined:
    """A file that was decoded to its end."""

    file: SourceFile
    digest: str
    """sha256 of its bytes, in hex."""
    image: ImageFacts


@dataclass(frozen=True)
class Placed:
    """An image of the dataset."""

    split: SplitName
    label: str
    examined: Examined


def import_dataset(
    source: Path,
    storage: Storage,
    name: str,
    *,
    limits: ImportLimits | None = None,
    expected_id: str | None = None,
) -> DatasetRecord:
    """Freeze the readable, labelled images of a folder or zip as a dataset.

    The same images with the same classes and splits are the same dataset, wherever they come from: a
    second import changes nothing and returns the first record.

    Args:
        source: a folder or a zip file; see `model/data/layout.py` for the layouts.
        storage: where the dataset goes.
        name: how people will call it.
        limits: how much may be read.
        expected_id: the dataset that it must be, if any: another one is not stored.

    Raises:
        DatasetRejectedError: the source is hostile, too large, or too little of it is usable.
        UnexpectedDatasetError: it is not the expected one.
    """
    limits = limits or ImportLimits()
    _check_name(name)
    with open_source(source, limits) as opened:
        labels_path = find_labels_file(file.path for file in opened.files)
        examined, skipped = _examine_all(opened, labels_path)
        placed = _place(examined, _read_layout(opened, labels_path, examined), skipped)
        _check_usable(placed, skipped)
        record = _describe(name, placed, skipped)
        if expected_id not in (None, record.facts.id):
            raise UnexpectedDatasetError(f"These images are {record.facts.id}, not {expected_id}.")
        return _freeze(record, placed, storage)


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise DatasetRejectedError(
            f"{name[:80]!r} cannot be a dataset's name: use 1 to 64 lower-case letters, digits, dots, dashes or "
            "underscores, and begin with a letter or digit."
        ) from error
    if name in BUILT_IN:
        raise DatasetRejectedError(f"{name!r} is a built-in dataset: choose another name.")


def _examine_all(source: Source, labels_path: str | None) -> tuple[list[Examined], list[SkippedFile]]:
    examined: list[Examined] = []
    skipped = list(source.skipped)
    files = [file for file in source.files if file.path != labels_path]
    for outcome in _map_in_threads(_examine, files):
        if isinstance(outcome, SkippedFile):
            skipped.append(outcome)
        else:
            examined.append(outcome)
    return examined, skipped


def _examine(file: SourceFile) -> Examined | SkippedFile:
    try:
        data = file.read()
        return Examined(file, hashlib.sha256(data).hexdigest(), inspect_image(data))
    except ImageError as error:
        return SkippedFile(path=file.path, reason=str(error))


def _map_in_threads(function: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Answers in order, with only a few items under way: each may hold a whole decoded image."""
    threads = min(cpu_quota(), MAX_THREADS)
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read_layout(source: Source, labels_path: str | None, examined: Sequence[Examined]) -> Layout:
    paths = [one.file.path for one in examined]
    if labels_path is None:
        return read_folders(paths)
    try:
        text = next(file for file in source.files if file.path == labels_path).read().decode("utf-8-sig")
    except ImageError as error:
        raise DatasetRejectedError(f"{LABELS_FILE} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise DatasetRejectedError(f"{LABELS_FILE} is not UTF-8 text: save it as UTF-8.") from error
    return read_labels(text, labels_path.removesuffix(labels_path.split("/")[-1]), paths)


def _place(examined: Sequence[Examined], layout: Layout, skipped: list[SkippedFile]) -> list[Placed]:
    """Every image with its class and split, in the order in which it is stored."""
    skipped += [SkippedFile(path=path, reason=reason) for path, reason in layout.unplaced.items()]
    labelled = [one for one in examined if one.file.path in layout.labels]
    labels = [layout.labels[one.file.path] for one in labelled]
    given = _held_out_split(layout)
    if given is None:
        held_out = choose_test_images(labels, [one.digest for one in labelled])
    else:
        held_out = {one.digest for one in labelled if layout.splits[one.file.path] == given}
    placed = []
    for one, label in zip(labelled, labels, strict=True):
        if one.digest not in held_out:
            placed.append(Placed("train", label, one))
        elif given is None or layout.splits[one.file.path] == given:
            placed.append(Placed("test", label, one))
        else:
            skipped.append(SkippedFile(path=one.file.path, reason=f"the same image is in the {given} split"))
    return sorted(placed, key=lambda one: (one.split, one.label, one.examined.digest))


def _held_out_split(layout: Layout) -> str | None:
    """The split that tests models: `test`; where there is none, `val`, which otherwise is for training."""
    return next((split for split in ("test", "val") if split in layout.splits.values()), None)


def _check_usable(placed: Sequence[Placed], skipped: Sequence[SkippedFile]) -> None:
    train_counts = Counter(one.label for one in placed if one.split == "train")
    labels = sorted({one.label for one in placed})
    if len(labels) < 2:
        raise DatasetRejectedError(
            f"At least 2 classes are needed, {len(labels)} found: put the images into one folder per class, "
            f"optionally under train/ and test/, or add a {LABELS_FILE}.{_describe_skipped(skipped)}"
        )
    if len(labels) > MAX_CLASSES:
        raise DatasetRejectedError(f"{len(labels)} classes are too many: at most {MAX_CLASSES} are allowed.")
    for label in labels:
        if train_counts[label] < MIN_TRAIN_IMAGES:
            raise DatasetRejectedError(
                f"Class {label!r} has {train_counts[label]} usable training images, at least {MIN_TRAIN_IMAGES} are "
                f"needed: add images or remove the class.{_describe_skipped(skipped)}"
            )
    if len(placed) == train_counts.total():
        raise DatasetRejectedError(
            "No image is left to test models with: give at least one class 3 different images or more."
        )


def _describe_skipped(skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return ""
    first = "; ".join(f"{_printable(one.path)[:80]}: {one.reason}" for one in skipped[:3])
    return f" Skipped files: {len(skipped)} ({first})."


def _describe(name: str, placed: Sequence[Placed], skipped: Sequence[SkippedFile]) -> DatasetRecord:
    content_hash = hash_content((one.split, one.label, one.examined.digest) for one in placed)
    classes = sorted({one.label for one in placed})
    counts = Counter((one.split, one.label) for one in placed)
    train = [one.examined.image for one in placed if one.split == "train"]
    facts = DatasetFacts(
        id=f"ds_{content_hash[:24]}",
        name=name,
        classes=classes,
        train_counts=[counts["train", label] for label in classes],
        test_counts=[counts["test", label] for label in classes],
        median_width=statistics.median_low(image.width for image in train),
        median_height=statistics.median_low(image.height for image in train),
        content_hash=content_hash,
    )
    listed = sorted(skipped, key=lambda one: one.path)[:SKIPPED_LISTED]
    return DatasetRecord(
        facts=facts,
        images=len(placed),
        size_bytes=sum(one.examined.file.size_bytes for one in placed),
        skipped=[SkippedFile(path=_printable(one.path), reason=one.reason) for one in listed],
        skipped_count=len(skipped),
    )


def _printable(path: str) -> str:
    """File names may hold bytes that are no text, and codes that a terminal obeys."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in path)


def _freeze(record: DatasetRecord, placed: Sequence[Placed], storage: Storage) -> DatasetRecord:
    record_key = dataset_key(record.facts.id, RECORD_FILE)
    if not storage.exists(record_key):
        images_key = dataset_key(record.facts.id, IMAGES_FILE)
        storage.put_stream(images_key, lambda file: _write_zip(file, placed))
        # When the same images arrive twice at once under other names, the first record holds.
        with suppress(ObjectExistsError):
            storage.put_bytes(record_key, record.model_dump_json(indent=1).encode())
    return read_record(record.facts.id, storage)


def _write_zip(file: BinaryIO, placed: Sequence[Placed]) -> None:
    """Stored and in order, under names made from the content: equal datasets make equal zips."""
    copies: Counter[str] = Counter()
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for one in placed:
            stem = f"{one.split}/{one.label}/{one.examined.digest}"
            copies[stem] += 1
            number = "" if copies[stem] == 1 else f"-{copies[stem]}"
            entry = ZipInfo(f"{stem}{number}.{EXTENSIONS[one.examined.image.format]}", ZIP_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, _read_again(one.examined))


def _read_again(examined: Examined) -> bytes:
    data = examined.file.read()
    if hashlib.sha256(data).hexdigest() != examined.digest:
        raise DatasetRejectedError(f"{examined.file.path} changed while it was imported: import again.")
    return data
