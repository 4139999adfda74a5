"""Reads which labels of a dataset are probably wrong, from the newest model that was trained on it. Knows no HTTP."""

from collections.abc import Sequence
from dataclasses import replace

from api.records.storages import Storages
from model.artifact.label_errors import LABEL_ERRORS_FILE, LabelError, LabelErrors
from model.artifact.manifest import model_key
from model.data.report.codes import FindingCode
from model.data.report.reading import DatasetIndex, ImageFilter, IndexedImage, NoSuchImageError
from model.data.report.schema import SHOWN_CLASSES, SHOWN_IMAGES, Finding, Report, Severity, rank_of
from model.errors import ObjectMissingError
from worker.registry.model_registry import AsyncModelRegistry

_MODELS = 5
"""The newest models of a dataset that are looked at; those of earlier releases have no such file."""


class LabelErrorReader:
    """Reads the probable label errors of datasets."""

    def __init__(self, models: AsyncModelRegistry, storages: Storages) -> None:
        self._models = models
        self._storages = storages

    async def read(self, project: str, dataset_id: str) -> LabelErrors | None:
        """Return the label errors that the newest training found; None when no training has looked for any."""
        page = await self._models.list_models_of_dataset(dataset_id, limit=_MODELS, project=project)
        storage = self._storages.of(project)
        for model in page.models:
            key = model_key(model.manifest.id, LABEL_ERRORS_FILE)
            try:
                data = await self._storages.run(storage.read_bytes, key)
            except ObjectMissingError:
                continue
            return LabelErrors.model_validate_json(data)
        return None


def with_label_errors(report: Report, errors: LabelErrors | None, dataset: str) -> Report:
    """Return the report with the finding of the label errors, after the others of its severity."""
    if errors is None or not errors.images:
        return report
    finding = Finding(
        code=FindingCode.LABEL_ERRORS,
        severity=Severity.MEDIUM,
        title=f"{errors.count} labels may be wrong" if errors.count > 1 else "1 label may be wrong",
        advice="Look at the images, the most probable errors first, and correct the labels that are wrong in a next version: "
        f"`ninefold datasets correct {dataset} --relabel IMAGE=CLASS`. A training found them, whose network disagrees with them: "
        "the less accurate the model, the more of these labels are right.",
        count=errors.count,
        classes=sorted({error.label for error in errors.images})[:SHOWN_CLASSES],
        images=[error.image for error in errors.images[:SHOWN_IMAGES]],
    )
    findings = sorted([*report.findings, finding], key=lambda one: rank_of(one.severity))
    return report.model_copy(update={"findings": findings})


def page_of(
    index: DatasetIndex, errors: Sequence[LabelError], wanted: ImageFilter, after: str, limit: int
) -> list[IndexedImage]:
    """Return the next images with label errors that are wanted, the most probable errors first.

    Raises:
        NoSuchImageError: `after` has no label error.
    """
    start = 0
    if after:
        ids = [error.image for error in errors]
        if after not in ids:
            raise NoSuchImageError(after)
        start = ids.index(after) + 1
    found = []
    for error in errors[start:]:
        if wanted.label not in (None, error.label) or wanted.split not in (None, error.split):
            continue
        image = with_suggestion(index.image(error.image), error)
        if wanted.group in (None, image.group):
            found.append(image)
        if len(found) == limit:
            break
    return found


def with_suggestion(image: IndexedImage, error: LabelError) -> IndexedImage:
    """Return the image with the class that it probably belongs to."""
    return replace(
        image, findings=[*image.findings, FindingCode.LABEL_ERRORS], suggested_class=error.suggested
    )
