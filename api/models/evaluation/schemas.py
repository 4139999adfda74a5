"""The evaluation of a model and its images as they are answered."""

from typing import Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.models.evaluation.queries import ImageResult
from api.records.datasets import lists_images
from model.artifact.manifest import Fraction, Manifest
from model.evaluation.evaluation import Evaluation
from model.spec import Name


class ModelReference(BaseModel):
    """The model that was evaluated."""

    id: str
    name: Name
    version: int

    @classmethod
    def to(cls, manifest: Manifest) -> Self:
        """Refer to the model of this manifest."""
        return cls(id=manifest.id, name=manifest.name, version=manifest.version)


class ModelEvaluation(Evaluation):
    """How good a model is on a split of a dataset."""

    object: Literal["evaluation"] = "evaluation"
    model: ModelReference

    @classmethod
    def stored(cls, evaluation: Evaluation, manifest: Manifest) -> Self:
        """Describe a stored evaluation of the model of this manifest."""
        return cls(**dict(evaluation), model=ModelReference.to(manifest))


class EvaluatedImageLinks(BaseModel):
    """Where an image is."""

    self: str
    thumbnail: str
    explanation: str | None = Field(default=None, description="Where the model looks in the image.")


class EvaluatedImage(BaseModel):
    """What a model answers for an image, and what the image's label is."""

    object: Literal["evaluated_image"] = "evaluated_image"
    image: str = Field(description="Its id in the dataset.")
    dataset_id: str
    label: str
    predicted: str
    score: Fraction = Field(description="Probability of the predicted class.")
    label_score: Fraction = Field(description="Probability of the label.")
    rank: int = Field(
        description="The label's place among the classes by probability: 1 when the prediction is right."
    )
    links: EvaluatedImageLinks | None = Field(
        description="Null in built-in datasets that are downloaded: they list no images."
    )

    @classmethod
    def answered(cls, result: ImageResult, model_id: str, dataset_id: str, root_path: str) -> Self:
        """Describe a model's answer for an image of a dataset; `root_path` begins every path of the service."""
        url = f"{root_path}/datasets/{dataset_id}/images/{quote(result.image, safe='')}"
        links = EvaluatedImageLinks(
            self=url,
            thumbnail=f"{url}?size=thumbnail",
            explanation=f"{url}/explanation?model={model_id}",
        )
        return cls(
            image=result.image,
            dataset_id=dataset_id,
            label=result.label,
            predicted=result.predicted,
            score=result.score,
            label_score=result.label_score,
            rank=result.label_rank,
            links=links if lists_images(dataset_id) else None,
        )
