"""A dataset as every route and event shows it."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, Field

from model.data.record import SkippedFile
from model.later_values import OrLater
from model.spec import DatasetFacts
from worker.queue.records import DatasetImport, ImportProgress, JobError
from worker.queue.states import Phase, QueuedReason, Status
from worker.registry.datasets import RegisteredDataset


class DatasetStatus(StrEnum):
    """The status of a dataset."""

    PROCESSING = "processing"
    READY = "ready"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


_OF_IMPORT: dict[str, DatasetStatus] = {
    Status.SUCCEEDED: DatasetStatus.READY,
    Status.FAILED: DatasetStatus.REJECTED,
    Status.CANCELLED: DatasetStatus.CANCELLED,
}


class Dataset(BaseModel):
    """Images that jobs can train on. A ready dataset never changes; corrections make the next version of its name."""

    object: Literal["dataset"] = "dataset"
    id: str = Field(
        description="`ds_…` once it is ready; until then `imp_…`, the id of its import, which finds it afterwards too."
    )
    name: str = Field(description="The name that was asked for; for an id, the first one.")
    names: list[str] = Field(
        default=[], description="All names; the same images added under another name are the same dataset."
    )
    status: DatasetStatus = DatasetStatus.READY
    phase: OrLater[Phase] | None = Field(
        default=None, description="While processing: starting, reading or storing."
    )
    queued_reason: OrLater[QueuedReason] | None = Field(
        default=None, description="Why the import does not run yet."
    )
    progress: ImportProgress | None = Field(default=None, description="Only while processing.")
    error: JobError | None = Field(default=None, description="Why it was rejected.")
    is_built_in: bool = False
    classes: list[str] | None = Field(
        default=None, description="Null until the dataset is ready, as all that follows."
    )
    train_counts: list[int] | None = Field(
        default=None, description="Training images of each class, in the order of `classes`."
    )
    test_counts: list[int] | None = None
    images: int | None = None
    median_width: int | None = None
    median_height: int | None = None
    content_hash: str | None = None
    size_bytes: int | None = Field(
        default=None,
        description="Total size of the image files; while processing, the size of the upload; null for built-in datasets.",
    )
    skipped_count: int = Field(
        default=0, description="Number of files that did not become part of the dataset."
    )
    skipped: list[SkippedFile] = Field(
        default=[], description="The first skipped files, each with the reason."
    )
    warnings: list[str] = Field(
        default=[],
        description="What is unusual about the images or their classes, such as the same image in two classes.",
    )
    version: int | None = Field(
        default=None, description="The number of the version under `name`; `name@3` finds it."
    )
    parent: str | None = Field(
        default=None, description="Id of the dataset of which this is, or will be, the next version."
    )
    note: str | None = Field(default=None, description="What its author says of this version.")
    source: str | None = Field(
        default=None, description="The address from which the images were read, when they were not uploaded."
    )
    created_by: str | None = None
    created_at: AwareDatetime | None = None

    @property
    def is_processing(self) -> bool:
        """Whether the import has not ended."""
        return self.status is DatasetStatus.PROCESSING

    @classmethod
    def built_in(cls, facts: DatasetFacts) -> Self:
        """Describe a built-in dataset."""
        return cls._of(facts, None)

    @classmethod
    def registered(cls, dataset: RegisteredDataset) -> Self:
        """Describe an uploaded dataset."""
        return cls._of(dataset.facts, dataset)

    @classmethod
    def imported(cls, dataset_import: DatasetImport) -> Self:
        """Describe a dataset by its import, which has not made it yet, or never will."""
        return cls(
            id=dataset_import.id,
            name=dataset_import.name,
            names=[dataset_import.name],
            status=_OF_IMPORT.get(dataset_import.status, DatasetStatus.PROCESSING),
            phase=dataset_import.phase,
            queued_reason=dataset_import.queued_reason,
            progress=dataset_import.progress,
            error=dataset_import.error,
            size_bytes=dataset_import.size_bytes or None,
            source=dataset_import.source,
            parent=dataset_import.parent,
            note=dataset_import.note,
            created_by=dataset_import.created_by,
            created_at=dataset_import.created_at,
        )

    @classmethod
    def _of(cls, facts: DatasetFacts, uploaded: RegisteredDataset | None) -> Self:
        return cls(
            id=facts.id,
            name=facts.name,
            names=uploaded.names if uploaded else [facts.name],
            is_built_in=uploaded is None,
            classes=facts.classes,
            train_counts=facts.train_counts,
            test_counts=facts.test_counts,
            images=facts.train_images + sum(facts.test_counts),
            median_width=facts.median_width,
            median_height=facts.median_height,
            content_hash=facts.content_hash,
            size_bytes=uploaded.size_bytes if uploaded else None,
            skipped_count=uploaded.skipped_count if uploaded else 0,
            skipped=uploaded.skipped if uploaded else [],
            warnings=uploaded.warnings if uploaded else [],
            version=uploaded.version if uploaded else 1,
            parent=uploaded.parent if uploaded else None,
            note=uploaded.note if uploaded else None,
            source=uploaded.source if uploaded else None,
            created_by=uploaded.created_by if uploaded else None,
            created_at=uploaded.created_at if uploaded else None,
        )
