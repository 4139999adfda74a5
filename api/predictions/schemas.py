"""Batch predictions as they are asked for and answered."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from model.batch_prediction.options import PredictionOptions
from worker.queue.records import BatchPrediction, EvaluatedSplit

if TYPE_CHECKING:
    from model.batch_prediction.searching import RowCounts

TopK = Annotated[int, Field(ge=1, le=1000, description="Number of classes in each row, highest score first.")]
MinScore = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="Rows with a score below it say `abstained: true`. Default: the `min_scores` of the alias.",
    ),
]
Tta = Annotated[
    bool,
    Field(
        description="Give the scores of each image and its mirror image together; 422 for a model that was trained without "
        "mirror images."
    ),
]
Coverage = Annotated[
    float,
    Field(
        ge=0.5,
        le=0.999,
        description="Give a `label_set` with each row, so that this share of the sets has the image's label; 409 for a model "
        "with too few validation images.",
    ),
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
    min_score: MinScore | None = None
    tta: Tta = False
    coverage: Coverage | None = None

    @property
    def options(self) -> PredictionOptions:
        """How the images shall be classified."""
        return PredictionOptions(
            top_k=self.top_k, min_score=self.min_score, tta=self.tta, coverage=self.coverage
        )


class ScoreBin(BaseModel):
    """The number of rows with a score of at least `above`, and less than `below`."""

    above: float
    below: float | None = Field(description="Null in the last bin, which has the score 1, too.")
    images: int


class PredictionSummary(BaseModel):
    """How many rows match a filter, and what they say."""

    object: Literal["prediction_summary"] = "prediction_summary"
    images: int
    failed: int
    abstained: int
    labels: dict[str, int] = Field(
        description="Number of rows with each label, the most frequent first, among those that match all but `label`."
    )
    scores: list[ScoreBin] = Field(
        description="Number of rows by score, among those that match all but `above` and `below`."
    )

    @classmethod
    def of(cls, counts: "RowCounts") -> Self:
        """Describe what was counted."""
        width = len(counts.bins)
        bins = [
            ScoreBin(above=n / width, below=None if n + 1 == width else (n + 1) / width, images=images)
            for n, images in enumerate(counts.bins)
        ]
        labels = dict(sorted(counts.labels.items(), key=lambda one: (-one[1], one[0])))
        return cls(
            images=counts.images, failed=counts.failed, abstained=counts.abstained, labels=labels, scores=bins
        )


class BatchPredictionLinks(BaseModel):
    """What belongs to a batch prediction."""

    self: str
    rows: str
    summary: str
    events: str


class AnsweredPrediction(BatchPrediction):
    """The classification of many images; `result` has the totals once it has succeeded."""

    links: BatchPredictionLinks

    @classmethod
    def of(cls, found: BatchPrediction, root_path: str) -> Self:
        """Describe a batch prediction; `root_path` begins every path of the service."""
        url = f"{root_path}/predictions/{found.id}"
        links = BatchPredictionLinks(
            self=url, rows=f"{url}/rows", summary=f"{url}/summary", events=f"{url}/events"
        )
        return cls(**dict(found), links=links)
