"""The records of work items as their owner sees them. Knows no Redis."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from model.artifact.manifest import FileFacts, FinishReason
from model.artifact.precision import Precision, PrecisionSetting
from model.comparison.result import Comparison
from model.evaluation.evaluation import TrainingOverlap
from model.later_values import OrLater
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import JobSpec, ResolvedSpec
from worker.queue.states import TERMINAL, Outcome, Phase, QueuedReason, Status
from worker.redis_server.timestamps import Timestamp


class _Record(BaseModel):
    """A part of a work item. Fields and values that a later version wrote are kept, and returned like all others."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Progress(_Record):
    """The progress of a running job."""

    epoch: int
    epochs: int
    fraction: float
    images_per_s: float | None = None
    eta_s: float | None = None


class EpochRow(_Record):
    """The metrics of one epoch."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    images_per_s: float
    duration_s: float
    gradient_norm: float | None = None
    """Mean over the steps of the Euclidean norm of all gradients."""
    data_share: float | None = None
    """Share of the training time that was spent on making batches, 0 to 1."""
    peak_memory_mb: float | None = None
    """Peak memory so far: of the trainer process on CPUs, of the device on GPUs."""


class Best(_Record):
    """The best epoch so far."""

    epoch: int
    val_accuracy: float | None


class Checkpoint(_Record):
    """The checkpoint from which the next attempt continues. Part of the record, not shown to users."""

    key: str
    epoch: int
    """Number of completed epochs."""
    step: int
    """Number of completed steps of the next epoch."""
    best_key: str | None = None
    """Storage key of the checkpoint with the best weights so far: `key`, once an epoch was validated."""


class Attempt(_Record):
    """One attempt at a work item, by one worker."""

    number: int
    worker: str
    started_at: Timestamp
    ended_at: Timestamp | None
    outcome: OrLater[Outcome] | None
    from_epoch: int


class Transition(_Record):
    """A change of status."""

    status: OrLater[Status]
    at: Timestamp


class ModelRef(_Record):
    """The model that a job published."""

    id: str
    name: str
    version: int


class PromotionOutcome(StrEnum):
    """What became of a model that is promoted only if it is better."""

    FIRST = "first"
    """No version was in production."""
    BETTER = "better"
    NOT_BETTER = "not_better"
    NO_COMMON_TEST_SET = "no_common_test_set"


class Promotion(_Record):
    """The decision about a job's `promote: if_better`."""

    outcome: OrLater[PromotionOutcome]
    from_version: int | None
    """The version that was in production."""
    detail: str
    comparison: Comparison | None = None

    @property
    def is_promoted(self) -> bool:
        """Whether the model is in production now."""
        return self.outcome in {PromotionOutcome.FIRST, PromotionOutcome.BETTER}


class RerunResult(_Record):
    """How the model of a rerun compares with that of the job that it repeats."""

    of: str
    """The id of that job."""
    reproduced: bool | None
    """Whether the weights are equal; None if the weights of that job are not known."""
    differences: list[str]
    """What differed, each as `name old → new`: versions, device, threads, recipe."""


class JobResult(_Record):
    """The test metrics and the model of a succeeded job."""

    test_accuracy: float | None
    test_accuracy_tta: float | None
    ci95: tuple[float, float] | None
    model: ModelRef
    promotion: Promotion | None = Field(default=None, exclude_if=lambda promotion: promotion is None)
    """Only of a job with `promote: if_better`."""
    weights_sha256: str | None = None
    """The hash of the model's weights, which stays known when the model is deleted."""
    versions: dict[str, str] = {}
    environment: dict[str, str] = {}
    """What decides the weights besides spec, dataset, recipe and versions: device, processor, threads."""
    rerun: RerunResult | None = None
    """For a rerun: whether its weights are equal to those of the job that it repeats."""


class JobError(_Record):
    """Why a work item failed."""

    code: str
    message: str


class WorkItem(_Record):
    """What every kind of work has."""

    id: str
    status: OrLater[Status]
    phase: OrLater[Phase] | None
    name: str
    priority: int = 0
    """Items of a higher priority are claimed first."""
    created_by: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    queue_position: int | None
    """1 for the item at the head of the queue."""
    queued_reason: OrLater[QueuedReason] | None
    attempts: list[Attempt]
    transitions: list[Transition]
    error: JobError | None

    @property
    def is_finished(self) -> bool:
        """True when the item has ended for good."""
        return self.status in TERMINAL


class Job(WorkItem):
    """A training job as its owner sees it."""

    object: Literal["job"] = "job"
    spec: ResolvedSpec | JobSpec
    """The complete spec; as it was posted, with open fields, while the job waits for a dataset."""
    recipe: ResolvedRecipe | None = None
    """The recipe with all its settings, with which every attempt trains; null for a job of an earlier version."""
    warnings: list[str]
    progress: Progress | None
    metrics: EpochRow | None
    best: Best | None
    finish_reason: OrLater[FinishReason] | None
    result: JobResult | None
    tags: list[str]


class ImportProgress(_Record):
    """The progress of a running import."""

    files: int
    """Number of files that were read."""
    total: int
    fraction: float


class ImportResult(_Record):
    """What a succeeded import made."""

    dataset_id: str


class DatasetImport(WorkItem):
    """The import of an upload as its owner sees it; the API shows it as a dataset that is processing."""

    object: Literal["dataset_import"] = "dataset_import"
    size_bytes: int
    """Size of the upload; 0 for one that a worker reads from elsewhere."""
    source: str | None = None
    """The address from which the images are read, when they were not uploaded."""
    parent: str | None = None
    """The dataset of which the import makes the next version."""
    note: str | None = None
    progress: ImportProgress | None
    result: ImportResult | None


class EvaluatedSplit(StrEnum):
    """Which images of a dataset a model is evaluated on."""

    TEST = "test"
    TRAIN = "train"
    ALL = "all"


class EvaluationProgress(_Record):
    """The progress of a running evaluation."""

    images: int
    """Number of images that were predicted."""
    total: int
    fraction: float


class EvaluationResult(_Record):
    """What an evaluation found, and its files in storage."""

    accuracy: float
    ci95: tuple[float, float]
    images: int
    unknown_classes: dict[str, int]
    """Images that were not scored, by class: the model does not have these classes."""
    training_overlap: TrainingOverlap | None = None
    """None in the results of earlier releases."""
    files: dict[str, FileFacts]


class EvaluationRun(WorkItem):
    """The evaluation of a published model on a dataset, as its owner sees it. Its name is that of the model."""

    object: Literal["evaluation_run"] = "evaluation_run"
    model: str
    dataset: str
    split: OrLater[EvaluatedSplit]
    progress: EvaluationProgress | None
    result: EvaluationResult | None


class ModelImportResult(_Record):
    """What a succeeded import of a model made."""

    model: ModelRef


class ModelImport(WorkItem):
    """The import of a model from a bundle as its owner sees it. Its name is empty until it is known."""

    object: Literal["model_import"] = "model_import"
    size_bytes: int
    result: ModelImportResult | None


class PredictionProgress(_Record):
    """The progress of a running batch prediction."""

    images: int
    """Number of images whose rows are stored."""
    total: int
    fraction: float


class PredictionResult(_Record):
    """What a batch prediction answered, in all."""

    images: int
    failed: int
    """Files that could not be classified."""
    abstained: int
    """Images whose best score is below the `min_score` that was asked for, or the least score of their class."""
    labels: dict[str, int]
    """Number of images with each label."""
    precision: OrLater[Precision]


class BatchPrediction(WorkItem):
    """The classification of many images as its owner sees it. Its name is that of the model."""

    object: Literal["batch_prediction"] = "batch_prediction"
    model: str
    dataset: str | None
    """Null when the images were uploaded as a zip."""
    split: OrLater[EvaluatedSplit] | None
    size_bytes: int | None
    """Of the zip."""
    version: int | None
    """Of the model."""
    alias: str | None
    """By which the model was asked for."""
    top_k: int
    min_score: float | None
    """Null: the least scores of the alias hold."""
    min_scores: dict[str, float]
    """The least scores of the alias when the batch was asked for, by class; `*` is every class that is not named."""
    tta: bool
    coverage: float | None
    precision: OrLater[PrecisionSetting]
    progress: PredictionProgress | None
    result: PredictionResult | None
