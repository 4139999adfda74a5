"""The response of `POST /predict`."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.predictor.protocol.messages import Explanation, ItemError, Score, Timings


class PredictionModel(BaseModel):
    """The model version that classified the images."""

    id: str
    name: str
    version: int | None = Field(description="Null when a job answered that has not published a model.")
    alias: str | None = Field(
        description="The alias in the request's model reference; null for a version or an id."
    )
    epoch: int | None = Field(
        default=None,
        description="The epoch that answered, when `id` is a job that has not published a model.",
    )
    min_scores: dict[str, float] = Field(
        default={},
        description="The least scores of the alias, by class; `*` is every class that is not named.",
    )
    precision: str = Field(description="The numbers that the network computed with: `float32` or `int8`.")


class _Item(BaseModel):
    index: int
    filename: str | None


class ClassifiedImage(_Item):
    """An image with its label."""

    status: Literal["ok"] = "ok"
    label: str
    score: float = Field(description="Calibrated probability of `label`.")
    abstained: bool = Field(
        False,
        description="Whether `score` is below the request's `min_score`, or without one below the least score that the alias "
        "has for `label`: do not rely on `label`.",
    )
    scores: list[Score] = Field(description="The `top_k` classes with the highest scores, highest first.")
    label_set: list[str] | None = Field(
        None,
        description="With `coverage`: the classes that the image may have, the most probable first. The sets of so large a "
        "share of the images have their label. Empty: no class is probable enough.",
    )
    explanation: Explanation | None = Field(
        None,
        description="Where the network found its evidence for `label`; null unless `explain=true` asks for it.",
    )


class FailedImage(_Item):
    """An image that could not be classified, in a request where other images were."""

    status: Literal["error"] = "error"
    error: ItemError


class PredictionTimings(Timings):
    """Milliseconds of the slowest image in each stage, and of the whole request."""

    total: float


class Prediction(BaseModel):
    """The answer to one request: one item per image, in the order of the request."""

    object: Literal["prediction"] = "prediction"
    model: PredictionModel
    predictions: list[Annotated[ClassifiedImage | FailedImage, Field(discriminator="status")]]
    timings_ms: PredictionTimings
