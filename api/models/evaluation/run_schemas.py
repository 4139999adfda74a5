"""The evaluations of models on other datasets as they are asked for and answered."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from api.models.evaluation.schemas import ModelEvaluation
from worker.queue.records import EvaluatedSplit, EvaluationRun


class EvaluationRequest(BaseModel):
    """What a model shall be evaluated on."""

    model_config = ConfigDict(extra="forbid")

    dataset: Annotated[
        str, Field(min_length=1, max_length=200, description="Id, name, name@version, or a built-in dataset.")
    ]
    split: EvaluatedSplit = EvaluatedSplit.TEST


class EvaluationRunLinks(BaseModel):
    """What belongs to an evaluation."""

    self: str
    images: str
    events: str


class ModelEvaluationRun(EvaluationRun):
    """The evaluation of a model on a dataset; `evaluation` has all scores once it has succeeded."""

    evaluation: ModelEvaluation | None
    links: EvaluationRunLinks

    @classmethod
    def of(cls, run: EvaluationRun, evaluation: ModelEvaluation | None, root_path: str) -> Self:
        """Describe a run; `root_path` begins every path of the service."""
        url = f"{root_path}/models/{run.model}/evaluations/{run.id}"
        links = EvaluationRunLinks(self=url, images=f"{url}/images", events=f"{url}/events")
        return cls(**dict(run), evaluation=evaluation, links=links)
