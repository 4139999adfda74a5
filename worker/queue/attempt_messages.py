"""What an attempt and the store pass to each other: the claimed item, reports, flags, the committed model. Knows no Redis."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from model.artifact.precision import PrecisionSetting
from model.batch_prediction.options import PredictionOptions
from model.comparison.result import Gate
from model.data.import_options import NO_OPTIONS, ImportOptions
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.queue.kinds import Kind
from worker.queue.records import Best, Checkpoint, EpochRow, EvaluatedSplit
from worker.queue.states import Phase


@dataclass(frozen=True)
class Committed:
    """A model whose publication is committed."""

    version: int
    manifest: dict[str, Any]
    manifest_json: str
    """The bytes of the manifest file. Every attempt that repeats the publication writes the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A work item that an attempt has just claimed."""

    item_id: str
    kind: Kind
    project: str
    name: str
    attempt_number: int
    created_by: str | None


@dataclass(frozen=True, kw_only=True)
class ClaimedJob(Claimed):
    """A training job that an attempt has just claimed."""

    spec: ResolvedSpec
    recipe: ResolvedRecipe | None
    """The recipe to train with; None for a job of an earlier version."""
    checkpoint: Checkpoint | None
    should_stop: bool
    """True when the attempt shall end early and publish the best epoch so far."""
    memory_deaths: int
    """Number of earlier attempts that ran out of memory."""
    pauses: tuple[tuple[float, float], ...]
    """Start and end of each pause of the job so far, in Unix time."""
    committed: Committed | None
    """The model that an earlier attempt committed: this attempt only writes the manifest and finishes the job."""

    @property
    def gate(self) -> Gate | None:
        """What the model must achieve to become the one in production; None when nothing is compared."""
        metric, margin = self.spec.promote_metric, self.spec.promote_margin
        return Gate(metric=metric, margin=margin or 0.0) if metric else None


@dataclass(frozen=True, kw_only=True)
class ClaimedImport(Claimed):
    """A dataset import that an attempt has just claimed."""

    upload: str | None
    """Storage key of the zip, or the folder of its parts."""
    source: str | None = None
    """The address from which the images are read; there is no upload then."""
    created_at: datetime
    """When the upload was accepted."""
    expected_id: str | None
    """The dataset that has the import's name already: the zip must hold the same dataset."""
    options: ImportOptions = NO_OPTIONS
    parent: str | None = None
    """The dataset of which the import makes the next version; the zip holds corrections, images to add, or both."""
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimedEvaluation(Claimed):
    """An evaluation that an attempt has just claimed. Its name is that of the model."""

    model: str
    """Id of the model."""
    dataset: str
    """Id of the dataset, or the name of a built-in one."""
    split: EvaluatedSplit


@dataclass(frozen=True, kw_only=True)
class ClaimedModelImport(Claimed):
    """The import of a model that an attempt has just claimed. Its name is empty if the bundle names the model."""

    upload: str
    """Storage key of the bundle."""
    committed: Committed | None
    """The model that an earlier attempt committed: this attempt only writes the manifest and finishes the import."""


@dataclass(frozen=True, kw_only=True)
class ClaimedBatchPrediction(Claimed):
    """A batch prediction that an attempt has just claimed. Its name is that of the model."""

    model: str
    """Id of the model."""
    dataset: str | None
    """Id of the dataset, or the name of a built-in one; None for a zip."""
    split: EvaluatedSplit | None
    upload: str | None
    """Storage key of the zip."""
    options: PredictionOptions
    precision: PrecisionSetting


@dataclass(frozen=True)
class Flags:
    """Requests of the item's owner, returned by each renewal of the lease and by each report."""

    cancel: bool = False
    pause: bool = False
    stop: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of one report of an attempt. The store applies all fields in one step, in this order."""

    phase: Phase | None = None
    progress: BaseModel | None = None
    log_lines: tuple[str, ...] = ()

    @property
    def has_content(self) -> bool:
        """Whether the report says anything."""
        return self != type(self)()


@dataclass(frozen=True, kw_only=True)
class TrainingReport(Report):
    """The content of one report of an attempt at a job; its own fields are applied between phase and progress."""

    rewind_to_epoch: int | None = None
    """Delete the rows after this epoch: the attempt continues from a checkpoint of this epoch."""
    rows: tuple[EpochRow, ...] = ()
    bests: tuple[Best, ...] = ()
    """One for each reported epoch that was the best so far, in order."""
    checkpoint: Checkpoint | None = None
