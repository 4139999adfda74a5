"""Imports a folder or zip of labelled images as an immutable dataset in storage. Treats the source as hostile."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from model.data.appearance.thumbnails import ThumbnailFile
from model.data.archive import ImportLimits, Source, open_source
from model.data.built_in.facts import BUILT_IN
from model.data.checks.class_names import warn_of_class_names
from model.data.checks.facts import warn_of_facts, with_facts
from model.data.checks.mirroring import keeps_classes_when_mirrored
from model.data.checks.samples import count_sample_bits
from model.data.checks.small_classes import describe_lost_classes, find_lost_classes, without_small_classes
from model.data.duplicates.grouping import find_near_duplicates
from model.data.duplicates.groups_file import GROUPS_FILE, group_training_images
from model.data.examination import OnProgress, examine_images, ignore_progress
from model.data.files.characters import make_printable, shorten
from model.data.files.not_images import NOT_AN_IMAGE
from model.data.images_zip import write_zip
from model.data.import_options import NO_OPTIONS, ImportOptions
from model.data.layout.other_sets import describe_set
from model.data.layout.reading import MESSAGE_CHARACTERS, LayoutReader
from model.data.placement import PlacedImage, check_usable, place_images, warn_of_near_tests
from model.data.record import (
    IMAGES_FILE,
    READER_VERSION,
    RECORD_FILE,
    SKIPPED_LISTED,
    DatasetRecord,
    SkippedFile,
    dataset_key,
    update_record,
)
from model.data.report.conflicts import warn_of_conflicts
from model.data.report.contents import Contents
from model.data.report.writing import store_index
from model.data.split import hash_content
from model.errors import DatasetRejectedError, ObjectExistsError, UnexpectedDatasetError
from model.spec import DatasetFacts, Name
from model.storage.interface import Storage


def import_dataset(
    source: Path | Source,
    storage: Storage,
    name: str,
    *,
    options: ImportOptions | None = None,
    limits: ImportLimits | None = None,
    expected_id: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> DatasetRecord:
    """Store the readable, labelled images of a folder or zip as a dataset.

    The id of a dataset is a hash of its images, classes and splits. Importing the same content again therefore gives the
    same dataset, even under another name. Returned are the facts and the name of the first import, with what this import
    skipped; facts that an earlier release found are brought up to date.

    Args:
        source: a folder or a zip file, or the files themselves; `model/data/layout/` describes the layouts.
        storage: receives the dataset.
        name: the name that users give the dataset.
        options: what the person said about classes, tables and columns.
        limits: limits on the number and size of the files; default: `ImportLimits()`.
        expected_id: when given, a dataset with another id is refused and not stored.
        on_progress: is called with the number of files read so far, and of all files.

    Raises:
        DatasetRejectedError: the source is hostile or too large, or too few of its images are usable.
        UnexpectedDatasetError: the dataset has another id than `expected_id`.
    """
    options, limits = options or NO_OPTIONS, limits or ImportLimits()
    _check_name(name)
    with ExitStack() as stack:
        opened = stack.enter_context(open_source(source, limits)) if isinstance(source, Path) else source
        folder = stack.enter_context(storage.working_folder())
        thumbnails = stack.enter_context(ThumbnailFile(folder / "thumbnails"))
        examined, unreadable = examine_images(opened, thumbnails, on_progress)
        with _describing_the_set(opened):
            layout = LayoutReader(opened, examined, options).read()
            near = find_near_duplicates(
                (image.digest, image.facts.miniature)
                for image in examined
                if image.file.path in layout.labels
            )
            placement = place_images(examined, layout, near.groups)
            if options.min_images is not None:
                layout = without_small_classes(layout, placement.images, options.min_images)
                placement = place_images(examined, layout, near.groups)
            placed, skipped = placement.images, unreadable + placement.skipped
            check_usable(placed, skipped)
        contents = Contents(placement, near, skipped, find_lost_classes(layout, placed, skipped))
        names = warn_of_class_names(set(layout.labels.values()))
        warnings = [*opened.warnings, *layout.warnings, *names, *warn_of_contents(contents)]
        warnings += warn_of_near_tests(placement)
        record = describe_dataset(name, placed, skipped, warnings)
        if expected_id not in (None, record.facts.id):
            raise UnexpectedDatasetError(f"These images are {record.facts.id}, not {expected_id}.")
        return store_dataset(record, contents, thumbnails, folder, storage)


@contextmanager
def _describing_the_set(source: Source) -> Iterator[None]:
    """Say what kind of set the files are, if it is a known one that has no classes."""
    try:
        yield
    except DatasetRejectedError as error:
        kind = describe_set(source)
        raise DatasetRejectedError(f"{kind} {error}".lstrip()) from error


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise DatasetRejectedError(
            f"{shorten(name)!r} cannot be a dataset's name: use 1 to 64 lower-case letters, digits, dots, dashes or "
            "underscores, and begin with a letter or digit."
        ) from error
    if name in BUILT_IN:
        raise DatasetRejectedError(f"{name!r} is a built-in dataset: choose another name.")


def warn_of_contents(contents: Contents) -> list[str]:
    """Return warnings of classes without images and of images in several classes."""
    lost = [f"{describe_lost_classes(contents.lost_classes)}."] if contents.lost_classes else []
    return [*lost, *warn_of_conflicts(contents)]


def describe_dataset(
    name: str, placed: Sequence[PlacedImage], skipped: Sequence[SkippedFile], warnings: list[str]
) -> DatasetRecord:
    """Return the record of a dataset: its facts, and what was found while its images were read."""
    content_hash = hash_content((image.split, image.label, image.examined.digest) for image in placed)
    classes = sorted({image.label for image in placed})
    counts = Counter((image.split, image.label) for image in placed)
    train = [image.examined.facts for image in placed if image.split == "train"]
    facts = DatasetFacts(
        id=f"ds_{content_hash[:24]}",
        name=name,
        classes=classes,
        train_counts=[counts["train", label] for label in classes],
        test_counts=[counts["test", label] for label in classes],
        median_width=statistics.median_low(image.width for image in train),
        median_height=statistics.median_low(image.height for image in train),
        mirror_symmetric=keeps_classes_when_mirrored(placed),
        sample_bits=count_sample_bits(placed),
        reader_version=READER_VERSION,
        content_hash=content_hash,
    )
    listed = sorted(skipped, key=lambda file: (file.reason == NOT_AN_IMAGE, file.path))[:SKIPPED_LISTED]
    return DatasetRecord(
        facts=facts,
        images=len(placed),
        size_bytes=sum(image.examined.size_bytes for image in placed),
        skipped=[SkippedFile(path=make_printable(file.path), reason=file.reason) for file in listed],
        skipped_count=len(skipped),
        warnings=[
            *(shorten(make_printable(warning), MESSAGE_CHARACTERS) for warning in warnings),
            *warn_of_facts(facts),
        ],
    )


def store_dataset(
    record: DatasetRecord, contents: Contents, thumbnails: ThumbnailFile, folder: Path, storage: Storage
) -> DatasetRecord:
    """Store the index and the groups, the images, then the record, unless storage has them already; return the record.

    What was skipped and what is warned of belongs to this import, whose files may lie elsewhere.

    Args:
        record: describes the dataset.
        contents: its images.
        thumbnails: of the images.
        folder: a working folder of the storage, which receives the files of the index.
        storage: receives the dataset.
    """
    store_index(record.facts.id, contents, thumbnails, folder, storage)
    trained = [image.examined.digest for image in contents.placed if image.split == "train"]
    groups = group_training_images(trained, contents.near.groups)
    record_key = dataset_key(record.facts.id, RECORD_FILE)
    with suppress(ObjectExistsError):
        storage.put_bytes(dataset_key(record.facts.id, GROUPS_FILE), groups.model_dump_json().encode())
    if not storage.exists(record_key):
        images_key = dataset_key(record.facts.id, IMAGES_FILE)
        storage.put_stream(images_key, lambda file: write_zip(file, contents.placed))
        # Two imports of the same images under different names may run at once: the first record is kept.
        with suppress(ObjectExistsError):
            storage.put_bytes(record_key, record.model_dump_json(indent=1).encode())
    return with_facts(record, update_record(record, storage).facts)
