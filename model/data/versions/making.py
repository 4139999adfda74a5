"""Makes the next version of a dataset: its images, corrections, and added images. Treats the upload as hostile."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from model.data.appearance.thumbnails import ThumbnailFile
from model.data.archive import ImportLimits, Source, open_source
from model.data.checks.class_names import warn_of_class_names
from model.data.checks.small_classes import find_lost_classes
from model.data.duplicates.grouping import find_near_duplicates
from model.data.examination import ExaminedImage, OnProgress, examine_images, ignore_progress
from model.data.import_options import NO_OPTIONS, ImportOptions
from model.data.importing import describe_dataset, store_dataset, warn_of_contents
from model.data.placement import check_usable, warn_of_near_tests
from model.data.record import DatasetRecord, SkippedFile
from model.data.report.contents import Contents
from model.data.report.near_duplicates import read_groups
from model.data.versions.adding import AddedImages
from model.data.versions.correcting import Correction
from model.data.versions.corrections import (
    CORRECTIONS_FILE,
    MAX_CORRECTIONS_BYTES,
    Corrections,
    parse_corrections,
)
from model.data.versions.parent import ParentImage, open_parent
from model.errors import DatasetRejectedError, UnchangedDatasetError
from model.storage.interface import Storage


@dataclass(frozen=True)
class Parent:
    """The stored dataset that a version corrects."""

    dataset_id: str
    images: Path
    """Its zip."""
    index: Path | None = None
    """Its index; None when an earlier release imported it."""


def make_version(
    parent: Parent,
    upload: Path,
    storage: Storage,
    name: str,
    *,
    options: ImportOptions | None = None,
    limits: ImportLimits | None = None,
    on_progress: OnProgress = ignore_progress,
) -> DatasetRecord:
    """Store the parent's images, corrected, together with those of a zip, as a dataset.

    Every image of the parent stays in its split. An added image that the parent has already is skipped.

    Args:
        parent: the dataset that is corrected.
        upload: a zip of images to add, in which `ninefold-corrections.json` holds the corrections; either may be missing.
        storage: receives the dataset.
        name: the name that both datasets have.
        options: where the classes of the added images are.
        limits: limits on the files of both together.
        on_progress: is called with the number of files read so far, and of all files.

    Raises:
        UnknownImageError: the corrections name an image that the parent does not have.
        EmptiedClassError: the corrections remove every image of a class.
        UnchangedDatasetError: the result is the parent.
        DatasetRejectedError: the upload is hostile or too large, or too few images are left.
    """
    options, limits = options or NO_OPTIONS, limits or ImportLimits()
    with ExitStack() as stack:
        parents = stack.enter_context(open_parent(parent.images, name, parent.index))
        whole = stack.enter_context(open_source(upload, limits))
        folder = stack.enter_context(storage.working_folder())
        thumbnails = stack.enter_context(ThumbnailFile(folder / "thumbnails"))
        opened, corrections = _take_corrections(whole)
        if len(parents) + len(opened.files) > limits.max_files:
            raise DatasetRejectedError(
                f"{len(parents) + len(opened.files)} images are too many for one dataset: at most {limits.max_files} "
                "are allowed."
            )
        correction = Correction(corrections, parents)
        both = replace(opened, files=[*(image.file for image in parents), *opened.files])
        examined, unreadable = examine_images(both, thumbnails, on_progress)
        parent_of = {id(image.file): image for image in parents}
        of_parent = [(parent_of[id(image.file)], image) for image in examined if id(image.file) in parent_of]
        groups = read_groups(parent.index) if parent.index else _find_groups(of_parent)
        kept = correction.apply(of_parent, groups)
        added = AddedImages(opened, [one for one in examined if id(one.file) not in parent_of], options)
        placement = added.place(kept)
        placed, skipped = placement.images, unreadable + placement.skipped
        check_usable(placed, skipped)
        contents = Contents(placement, added.near, skipped, find_lost_classes(added.layout, placed, skipped))
        warnings = [
            *opened.warnings,
            *added.layout.warnings,
            *warn_of_class_names({image.label for image in placed}),
            *warn_of_contents(contents),
            *warn_of_near_tests(placement),
        ]
        record = describe_dataset(name, placed, skipped, warnings)
        if record.facts.id == parent.dataset_id:
            raise UnchangedDatasetError(_describe_unchanged(corrections, skipped))
        return store_dataset(record, contents, thumbnails, folder, storage)


def _take_corrections(opened: Source) -> tuple[Source, Corrections]:
    """Return the source without the file of corrections, and the corrections."""
    file = next((file for file in opened.files if file.path == CORRECTIONS_FILE), None)
    if reason := next((one.reason for one in opened.skipped if one.path == CORRECTIONS_FILE), None):
        raise DatasetRejectedError(f"{CORRECTIONS_FILE} cannot be read: {reason}.")
    if file is None:
        return opened, Corrections()
    if file.size_bytes > MAX_CORRECTIONS_BYTES:
        raise DatasetRejectedError(
            f"{CORRECTIONS_FILE} has {file.size_bytes} bytes, at most {MAX_CORRECTIONS_BYTES} are allowed: make several versions."
        )
    return replace(opened, files=[other for other in opened.files if other is not file]), parse_corrections(
        file.read()
    )


def _find_groups(images: Sequence[tuple[ParentImage, ExaminedImage]]) -> dict[str, list[str]]:
    """Return the ids of the images of each group of near-duplicates of a dataset without index."""
    near = find_near_duplicates((examined.digest, examined.facts.miniature) for _, examined in images)
    groups: dict[str, list[str]] = {}
    for parent, _ in images:
        if group := near.groups.get(parent.digest):
            groups.setdefault(group, []).append(parent.id)
    return groups


def _describe_unchanged(corrections: Corrections, skipped: Sequence[SkippedFile]) -> str:
    if skipped and not corrections.count:
        return (
            f"Nothing changed: none of the added files is a new image ({skipped[0].path[:80]}: {skipped[0].reason}). "
            "No version was made."
        )
    return (
        "Nothing changed: after these corrections the dataset has the same images in the same classes as before. No "
        "version was made."
    )
