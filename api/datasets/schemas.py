"""The answers of the dataset routes, as OpenAPI shows them."""

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, Field

from model.data.record import SkippedFile
from model.spec import DatasetFacts
from worker.registry.datasets import RegisteredDataset


class Dataset(BaseModel):
    """Images that jobs can train on; a dataset never changes."""

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    status: Literal["ready"] = "ready"
    is_built_in: bool
    classes: list[str]
    train_counts: list[int] = Field(description="Training images of each class, in the order of `classes`.")
    test_counts: list[int]
    images: int
    median_width: int
    median_height: int
    content_hash: str
    size_bytes: int | None = Field(description="Total size of the image files; null for built-in datasets.")
    skipped_count: int = Field(description="Number of files that did not become part of the dataset.")
    skipped: list[SkippedFile] = Field(description="The first skipped files, each with the reason.")
    created_by: str | None
    created_at: AwareDatetime | None

    @classmethod
    def built_in(cls, facts: DatasetFacts) -> Self:
        """Describe a built-in dataset."""
        return cls._of(facts, None)

    @classmethod
    def registered(cls, dataset: RegisteredDataset) -> Self:
        """Describe an uploaded dataset."""
        return cls._of(dataset.facts, dataset)

    @classmethod
    def _of(cls, facts: DatasetFacts, uploaded: RegisteredDataset | None) -> Self:
        return cls(
            id=facts.id,
            name=facts.name,
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
            created_by=uploaded.created_by if uploaded else None,
            created_at=uploaded.created_at if uploaded else None,
        )
