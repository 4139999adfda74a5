"""The bodies and answers of the review routes, as OpenAPI shows them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from api.models.alias_schemas import Reason
from model.artifact.manifest import Fraction
from worker.redis_server.timestamps import Timestamp
from worker.registry.review import records
from worker.registry.review.records import MAX_DAYS, MAX_IMAGES, KeptAnswers, ReviewScore, ReviewState


class ReviewSettings(BaseModel):
    """Which answers of production are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    below: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Answers with a score below this are kept."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of these answers, chosen at random."""
    max_images: Annotated[int, Field(strict=True, ge=1, le=MAX_IMAGES)] = 1000
    """The oldest images make room for new ones, those with a label last."""
    max_days: Annotated[float, Field(gt=0, le=MAX_DAYS)] = 30.0
    """Images are deleted when they are older."""


class ReviewedVersion(BaseModel):
    """A dataset version that is made, or was made, of labelled images."""

    dataset: str = Field(description="Finds the dataset: the id of its import.")
    name: str = Field(description="The dataset's name.")
    by: str
    images: int
    job: str | None = Field(description="The job that trains on it; null when no training was asked for.")

    @classmethod
    def of(cls, plan: records.VersionPlan, state: ReviewState) -> Self:
        """Describe a version."""
        job = state.job_of(plan)
        return cls(dataset=plan.import_id, name=plan.name, by=plan.by, images=plan.images, job=job)


class Review(BaseModel):
    """The review of a name: its settings and what is kept."""

    object: Literal["review"] = "review"
    name: str
    settings: ReviewSettings | None = Field(default=None, description="Null while nothing is kept.")
    waiting: int = Field(default=0, description="Images without a label.")
    labelled: int = Field(default=0, description="Images with a label, for the next dataset version.")
    taken: int = Field(default=0, description="Images of the dataset version that is being made.")
    used: int = Field(default=0, description="Images that dataset versions were made with so far.")
    missed: int = Field(default=0, description="Images that were not kept, because the service was busy.")
    image_bytes: int = Field(default=0, description="Size of all images that are kept.")
    making: ReviewedVersion | None = Field(
        default=None, description="The dataset version that is being made."
    )
    made: ReviewedVersion | None = Field(default=None, description="The one that was made last.")

    @classmethod
    def of(cls, name: str, state: ReviewState | None) -> Self:
        """Describe the state of a review; None when it is off."""
        if state is None:
            return cls(name=name)
        return cls(
            name=name,
            settings=_shown(state.settings),
            waiting=state.waiting,
            labelled=state.labelled,
            taken=state.taken,
            used=state.used,
            missed=state.missed,
            image_bytes=state.image_bytes,
            making=ReviewedVersion.of(state.making, state) if state.making else None,
            made=ReviewedVersion.of(state.made, state) if state.made else None,
        )


def _shown(settings: KeptAnswers) -> ReviewSettings:
    return ReviewSettings.model_construct(**settings.model_dump())


class ReviewImage(BaseModel):
    """An image with production's uncertain answer, and the label that a person gave."""

    object: Literal["review_image"] = "review_image"
    id: str
    at: Timestamp
    model: str = Field(description="The id of the model that answered.")
    version: int
    label: str = Field(description="Production's answer.")
    score: Fraction
    scores: list[ReviewScore] = Field(description="Of its most probable classes, the highest first.")
    given: str | None = Field(description="The label that a person gave; null without one.")
    given_by: str | None
    size_bytes: int
    image: str = Field(description="Where the image is.")

    @classmethod
    def of(cls, entry: records.ReviewedImage, url: str) -> Self:
        """Describe an image; `url` is the address of the list."""
        image, label = entry.image, entry.label
        return cls(
            id=image.id,
            at=image.at,
            model=image.model,
            version=image.version,
            label=image.scores[0].label,
            score=image.scores[0].score,
            scores=image.scores,
            given=label.label if label else None,
            given_by=label.by if label else None,
            size_bytes=image.size_bytes,
            image=f"{url}/{image.id}/image",
        )


class ReviewDecision(BaseModel):
    """What a person says of an image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None
    """The class of the image; null throws the image away."""


class ReviewDatasetRequest(BaseModel):
    """How the next dataset version is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Reason | None = None
    """What you say of this version."""
    train: StrictBool = False
    """Also train on it with the spec of the model in production, and promote the new model if it is better."""


class ReviewDataset(BaseModel):
    """The dataset version that is made of the labelled images, and the job that waits for it."""

    object: Literal["review_dataset"] = "review_dataset"
    dataset: str = Field(description="Finds the dataset: the id of its import.")
    name: str = Field(description="The dataset's name.")
    images: int = Field(description="Images that are added.")
    job: str | None = Field(description="The id of the job; null when no training was asked for.")
