"""What a published model is: its classes, preprocessing, metrics and files. The manifest exists last."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from model.spec import ImageSize, Name, Resize, ResolvedSpec

WEIGHTS_FILE = "model.safetensors"
MANIFEST_FILE = "manifest.json"

Fraction = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FinishReason(StrEnum):
    """Why a training that made a model ended when it did."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    """Its owner asked for the best so far."""
    TIME_BUDGET = "time_budget"


Rgb = tuple[float, float, float]


class DatasetReference(BaseModel):
    """The dataset that a model was trained on."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    content_hash: str


class Preprocessing(BaseModel):
    """How a decoded image becomes the network's input: resize, ÷ 255, less mean, ÷ std."""

    model_config = ConfigDict(frozen=True)

    image_size: ImageSize
    resize: Resize
    mean: Rgb
    """Per RGB channel, of values in 0..1."""
    std: Rgb
    """Per RGB channel, of values in 0..1."""


class Metrics(BaseModel):
    """How good a model is; fields without a validation split are null."""

    model_config = ConfigDict(frozen=True, extra="allow")

    val_accuracy: Fraction | None = None
    val_loss: float | None = None
    test_accuracy: Fraction
    test_accuracy_tta: Fraction
    """With flips averaged, where mirror images mean the same."""
    test_loss: float
    ci95: tuple[Fraction, Fraction]
    """Interval of `test_accuracy` from the number of test images."""
    best_epoch: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=1)]
    batch_parts: Annotated[int, Field(ge=1)] = 1
    """More than one where memory was too short for whole batches: batch norms then saw a part at a time."""
    ece_before: Fraction | None = None
    """Expected calibration error on the validation split before the temperature was fitted."""
    ece_after: Fraction | None = None


class FileFacts(BaseModel):
    """What a file of a model must be."""

    model_config = ConfigDict(frozen=True)

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


class ManifestDraft(BaseModel):
    """What the trainer knows of a model before it has a name's version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: DatasetReference
    spec: ResolvedSpec
    classes: Annotated[list[str], Field(min_length=2)]
    preprocessing: Preprocessing
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Scores are softmax(logits ÷ temperature)."""
    metrics: Metrics
    finish_reason: FinishReason = FinishReason.COMPLETED
    files: dict[str, FileFacts]
    parameters: int
    versions: dict[str, str]
    lineage: dict[str, JsonValue] = {}


class Manifest(ManifestDraft):
    """A published model, as stored beside its weights and answered over HTTP."""

    object: Literal["model"] = "model"
    id: str
    name: Name
    version: Annotated[int, Field(ge=1)]
    created_at: datetime
    created_by: str | None
    job_id: str | None


def unregistered_manifest(draft: ManifestDraft, model_id: str, name: str) -> Manifest:
    """The manifest of a model that no job made and nobody registered: always version 1."""
    return Manifest(
        **dict(draft),
        id=model_id,
        name=name,
        version=1,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id=None,
    )


def model_key(model_id: str, file: str) -> str:
    """The storage key of a model's file."""
    return f"models/{model_id}/{file}"
