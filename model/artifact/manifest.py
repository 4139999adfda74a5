"""The manifest of a published model: classes, preprocessing, metrics, files.

The manifest is written after the other files, so a model with a manifest is complete.
"""

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from model.export.facts import OnnxFacts
from model.later_values import OrLater
from model.spec import DatasetFacts, ImageSize, Name, Resize, ResolvedSpec

WEIGHTS_FILE = "model.safetensors"
MANIFEST_FILE = "manifest.json"
SETTINGS = "settings"
"""The key in `lineage` of the settings that `ResolvedSpec.later_settings` gives."""
ENVIRONMENT = "environment"
"""The key in `lineage` of what decides the weights besides spec, dataset, recipe and versions."""
ANCESTORS = "ancestors"
"""The key in `lineage` of the models from whose weights the model comes, with their datasets; earlier releases have none."""
SEEN_TEST_IMAGES = "seen_test_images"
"""The key in `lineage` of the number of test images that models were trained on from whose weights the model comes."""
BUILT_IN_ORIGIN = "built_in_origin"
"""The key in `lineage` of the built-in dataset of which the model's dataset is a copy, or a version of a copy."""
FINISH_REASON = "finish_reason"
"""The key in `lineage` of a reason that the first release does not know."""

ID_PATTERN = r"^[A-Za-z0-9_-]{1,128}$"
"""Of the ids in a manifest that somebody else wrote: ids become parts of storage keys."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FinishReason(StrEnum):
    """The reason why a training that produced a model ended."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    """A user stopped the training and got the best weights until then."""
    TIME_BUDGET = "time_budget"
    PATIENCE = "patience"
    """The validation score did not become better for as many epochs as the spec's `patience`."""


Rgb = tuple[float, float, float]


class DatasetReference(BaseModel):
    """The dataset that a model was trained on."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    name: str
    content_hash: str

    @classmethod
    def of(cls, facts: DatasetFacts) -> Self:
        """Refer to the dataset with these facts."""
        return cls(id=facts.id, name=facts.name, content_hash=facts.content_hash)


class Preprocessing(BaseModel):
    """How a decoded image becomes the input of the network: resize, divide by 255, subtract `mean`, divide by `std`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    image_size: ImageSize
    resize: Resize
    mean: Rgb
    """Mean of each RGB channel, of values 0 to 1."""
    std: Rgb
    """Standard deviation of each RGB channel, of values 0 to 1."""
    sample_bits: Annotated[int, Field(ge=8, le=16)] = 16
    """Bits that the values of 16-bit images use; they are scaled to 8 bits."""


class Metrics(BaseModel):
    """Scores of a model on the test and validation images. Validation fields are null without validation images."""

    model_config = ConfigDict(frozen=True, extra="allow")

    val_accuracy: Fraction | None = None
    val_loss: float | None = None
    test_accuracy: Fraction
    test_accuracy_tta: Fraction
    """With test-time augmentation: logits averaged over image and mirror image, if mirroring keeps the class."""
    test_loss: float
    ci95: tuple[Fraction, Fraction]
    """95 % confidence interval of `test_accuracy` (Wilson)."""
    best_epoch: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=1)]
    batch_parts: Annotated[int, Field(ge=1)] = 1
    """Micro-batches per batch. With more than 1, because of too little memory, batch norms saw one micro-batch at a time."""
    first_epoch_share: Fraction | None = None
    """The share of the training images that were used, if a time budget did not allow a whole epoch."""
    ece_before: Fraction | None = None
    """Expected calibration error on the validation split before the temperature was fitted."""
    ece_after: Fraction | None = None
    """The same error after; each image is scaled by a temperature that was fitted to other validation images."""


class FileFacts(BaseModel):
    """Size and sha256 of a file of a model."""

    model_config = ConfigDict(frozen=True, extra="allow")

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return the facts of a file with these bytes."""
        return cls(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


class ManifestDraft(BaseModel):
    """The part of a manifest that the trainer knows, before the worker assigns id, name and version.

    Fields of later versions are kept.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    dataset: DatasetReference
    spec: ResolvedSpec
    classes: Annotated[list[str], Field(min_length=2)]
    preprocessing: Preprocessing
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Probabilities are softmax(logits / temperature)."""
    metrics: Metrics
    finish_reason: OrLater[FinishReason] = FinishReason.COMPLETED
    files: dict[str, FileFacts]
    parameters: int
    versions: dict[str, str]
    lineage: dict[str, JsonValue] = {}
    onnx: OnnxFacts | None = None
    """Null when the model has no ONNX files: earlier releases made none, and an export may fail."""

    @model_validator(mode="before")
    @classmethod
    def _read_stored(cls, fields: Any) -> Any:
        """Take `onnx` out of the lineage, where `stored` puts it."""
        if not isinstance(fields, dict) or "onnx" not in (fields.get("lineage") or {}):
            return fields
        lineage = dict(fields["lineage"])
        return {**fields, "onnx": lineage.pop("onnx"), "lineage": lineage}

    def stored(self) -> dict[str, Any]:
        """Return the fields as records and files hold them: `onnx` in the lineage.

        The previous release refuses a manifest with a field that it does not know, but takes any lineage.
        """
        fields = self.model_dump(mode="json")
        onnx = fields.pop("onnx")
        return {**fields, "lineage": {**fields["lineage"], **({"onnx": onnx} if onnx else {})}}


class Manifest(ManifestDraft):
    """The manifest of a published model, as stored beside the weights and returned by the API."""

    object: Literal["model"] = "model"
    id: str
    name: Name
    version: Annotated[int, Field(ge=1)]
    created_at: datetime
    created_by: str | None
    job_id: str | None


def unregistered_manifest(draft: ManifestDraft, model_id: str, name: str) -> Manifest:
    """Complete the manifest of a model that is not made by a job and not registered. Its version is always 1."""
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
    """Return the storage key of a file of a model."""
    return f"models/{model_id}/{file}"
