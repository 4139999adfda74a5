"""The comparison of models as it is answered."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, Field

from api.models.evaluation.schemas import EvaluatedImageLinks
from api.records.datasets import lists_images
from model.artifact.manifest import DatasetReference, Fraction, Manifest, Metrics
from model.comparison.result import ClassDifference, Comparison, Setting

if TYPE_CHECKING:
    from model.comparison.differences import DisputedImage


class SideModel(BaseModel):
    """One of the models, with its scores on the test images of its own dataset."""

    id: str
    name: str
    version: int
    dataset: DatasetReference
    job_id: str | None
    metrics: Metrics

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Describe the model of a manifest."""
        return cls(
            id=manifest.id,
            name=manifest.name,
            version=manifest.version,
            dataset=manifest.dataset,
            job_id=manifest.job_id,
            metrics=manifest.metrics,
        )


class Pair(BaseModel):
    """The first model against one of the others, on test images that neither was trained on."""

    with_model: str = Field(description="The id of the other model.")
    detail: str = Field(description="What was found, or why the two cannot be compared.")
    metrics: list[Comparison] = Field(
        description="accuracy, balanced_accuracy and log_loss; empty when a model has no stored predictions."
    )
    classes: list[ClassDifference] = Field(description="The largest difference first.")
    disagreements: int = Field(description="Images for which the two predict different classes.")


class ModelComparison(BaseModel):
    """Models side by side."""

    object: Literal["model_comparison"] = "model_comparison"
    models: list[SideModel]
    settings: list[Setting] = Field(description="Only those that differ.")
    pairs: list[Pair]


class ModelAnswer(BaseModel):
    """What one model answers for an image."""

    predicted: str
    score: Fraction
    label_score: Fraction


class ComparedImage(BaseModel):
    """An image for which two models predict different classes."""

    object: Literal["compared_image"] = "compared_image"
    image: str = Field(description="Its id in the first model's dataset.")
    dataset_id: str
    label: str
    candidate: ModelAnswer
    current: ModelAnswer
    links: EvaluatedImageLinks | None = Field(
        description="Null in built-in datasets that are downloaded: they list no images."
    )

    @classmethod
    def of(cls, found: "DisputedImage", dataset_id: str, root_path: str) -> Self:
        """Describe an image of a dataset; `root_path` begins every path of the service."""
        url = f"{root_path}/datasets/{dataset_id}/images/{found.image}"
        links = EvaluatedImageLinks(self=url, thumbnail=f"{url}?size=thumbnail")
        return cls.model_validate(
            {
                **asdict(found),
                "dataset_id": dataset_id,
                "links": links if lists_images(dataset_id) else None,
            }
        )
