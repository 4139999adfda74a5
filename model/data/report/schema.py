"""The report of a dataset as it is stored and served. Imports no decoder."""

from enum import StrEnum

from pydantic import BaseModel, Field

from model.data.record import SkippedFile
from model.data.report.codes import FindingCode
from model.later_values import OrLater

SHOWN_IMAGES = 24
SHOWN_SKIPPED = 20
SHOWN_CLASSES = 100


class Severity(StrEnum):
    """What a finding costs a model."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def rank_of(severity: str) -> int:
    """Return the place of a severity among all, the worst first; one of a later release comes last."""
    order: list[str] = list(Severity)
    return order.index(severity) if severity in order else len(order)


class Finding(BaseModel):
    """Something about the images that costs a model accuracy, or makes its test result too good."""

    code: OrLater[FindingCode] = Field(description="A stable word for programs.")
    severity: OrLater[Severity] = Field(description="high, medium or low.")
    title: str
    advice: str = Field(description="What to do.")
    count: int = Field(description="Number of images; of classes without images; or of skipped files.")
    classes: list[str] = Field(
        default=[], description=f"The classes that it is about, at most {SHOWN_CLASSES}."
    )
    images: list[str] = Field(
        default=[], description=f"The ids of the first {SHOWN_IMAGES} images, the most important ones first."
    )


class ClassCount(BaseModel):
    """The images of a class."""

    name: str
    train: int
    test: int


class Range(BaseModel):
    """The smallest, the middle and the largest of many numbers."""

    min: int
    median: int
    max: int


class Sizes(BaseModel):
    """The sizes of the images."""

    width: Range
    height: Range
    file_bytes: Range
    total_bytes: int


class Report(BaseModel):
    """What is in a dataset, and what to do about it."""

    schema_version: int = 1
    images: int
    findings: list[Finding] = Field(description="In order of what they cost a model.")
    classes: list[ClassCount]
    splits: dict[str, int]
    sizes: Sizes
    formats: dict[str, int] = Field(description="File formats, the most frequent first.")
    modes: dict[str, int] = Field(
        description="Pixel formats in Pillow's words: RGB, L (grey), RGBA, P (palette) …"
    )
    aspect_ratios: dict[str, int] = Field(description="Width to height, to the nearest of the usual ratios.")
    skipped_count: int
    skipped_reasons: dict[str, int] = Field(
        description="Why files were skipped, the 20 most frequent reasons first, without what is special to a file."
    )
    skipped: list[SkippedFile] = Field(description=f"The first {SHOWN_SKIPPED}, images first.")
