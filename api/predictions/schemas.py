"""Batch predictions as they are asked for and answered."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from worker.queue.records import BatchPrediction, EvaluatedSplit

TopK = Annotated[int, Field(ge=1, le=1000, description="Number of classes in each row, highest score first.")]
MinScore = Annotated[
    float, Field(ge=0, le=1, description="Mark rows whose best score is below it as `abstained`.")
]
ModelRef = Annotated[
    str, Field(min_length=1, max_length=200, description="A model id, name, name:version or name@alias.")
]


class PredictionRequest(BaseModel):
    """The images of a dataset that a model shall classify."""

    model_config = ConfigDict(extra="forbid")

    model: ModelRef
    dataset: Annotated[
        str, Field(min_length=1, max_length=200, description="Id, name, name@version, or a built-in dataset.")
    ]
    split: EvaluatedSplit = EvaluatedSplit.TEST
    top_k: TopK = 5
    min_score: MinScore = 0.0


class BatchPredictionLinks(BaseModel):
    """What belongs to a batch prediction."""

    self: str
    rows: str
    events: str


class AnsweredPrediction(BatchPrediction):
    """The classification of many images; `result` has the totals once it has succeeded."""

    links: BatchPredictionLinks

    @classmethod
    def of(cls, found: BatchPrediction, root_path: str) -> Self:
        """Describe a batch prediction; `root_path` begins every path of the service."""
        url = f"{root_path}/predictions/{found.id}"
        links = BatchPredictionLinks(self=url, rows=f"{url}/rows", events=f"{url}/events")
        return cls(**dict(found), links=links)
