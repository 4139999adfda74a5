"""The report and the images of a dataset as they are answered."""

from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from model.data.files.image_ids import GroupId
from model.data.report.reading import IndexedImage
from model.data.report.schema import Report

GroupQuery = Annotated[GroupId, Query(description="A group of near-duplicates.")]


class ImageLinks(BaseModel):
    """Where an image is."""

    self: str
    thumbnail: str
    original: str


class DatasetImage(BaseModel):
    """An image of a dataset."""

    model_config = ConfigDict(populate_by_name=True)

    object: Literal["image"] = "image"
    id: str
    label: str = Field(alias="class", description="The name of its class.")
    split: str = Field(description="train or test.")
    width: int = Field(description="Pixels, of the upright image.")
    height: int
    mode: str = Field(description="Its pixel format in Pillow's words, such as RGB or L (grey).")
    format: str
    size_bytes: int
    path: str = Field(description="Where it was in the upload.")
    group: str | None = Field(description="The group of its near-duplicates, if it has any.")
    findings: list[str] = Field(description="The codes of the findings that are about it.")
    suggested_class: str | None = Field(
        default=None, description="Of a likely label error, the likely class."
    )
    links: ImageLinks

    @classmethod
    def indexed(cls, image: IndexedImage, dataset_url: str) -> Self:
        """Describe an image of the dataset with this path."""
        url = f"{dataset_url}/images/{image.id}"
        links = ImageLinks(self=url, thumbnail=f"{url}?size=thumbnail", original=f"{url}?size=original")
        return cls.model_validate({**vars(image), "links": links})


class ReportLinks(BaseModel):
    """What belongs to a report."""

    self: str
    dataset: str
    images: str
    skipped: str = Field(description="All skipped files, as CSV.")


class DatasetReport(Report):
    """The report of a dataset."""

    object: Literal["dataset_report"] = "dataset_report"
    dataset_id: str
    links: ReportLinks

    @classmethod
    def stored(cls, report: Report, dataset_id: str, dataset_url: str) -> Self:
        """Describe a stored report of the dataset with this path."""
        url = f"{dataset_url}/report"
        links = ReportLinks(
            self=url, dataset=dataset_url, images=f"{dataset_url}/images", skipped=f"{url}?format=csv"
        )
        return cls(**dict(report), dataset_id=dataset_id, links=links)
