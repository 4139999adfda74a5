"""The file of a model with the metrics of each epoch of its training, from which the curves are drawn."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.artifact.files import read_file
from model.artifact.manifest import Manifest
from model.bundle.names import EPOCHS_FILE
from model.errors import CorruptArtifactError
from model.storage.interface import Storage

MOST_EPOCHS = 10_000


class EpochMetrics(BaseModel):
    """The metrics of one epoch; null where a number is not finite, and of validation images that do not exist."""

    model_config = ConfigDict(frozen=True, extra="allow")

    epoch: Annotated[int, Field(ge=1)]
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None


class TrainingEpochs(BaseModel):
    """The contents of the file, oldest epoch first."""

    model_config = ConfigDict(frozen=True, extra="allow")

    epochs: Annotated[list[EpochMetrics], Field(max_length=MOST_EPOCHS)]


def parse_epochs(data: bytes) -> TrainingEpochs:
    """Read the contents of the file; raises CorruptArtifactError."""
    try:
        return TrainingEpochs.model_validate_json(data)
    except ValidationError as error:
        raise CorruptArtifactError(
            "The stored metrics of the epochs cannot be read: restore them from a backup, or train again."
        ) from error


def read_epochs(storage: Storage, manifest: Manifest) -> list[EpochMetrics]:
    """Return the epochs of a model; none if an earlier release published it.

    Raises:
        CorruptArtifactError: the stored file is damaged.
        StorageError: it cannot be read.
    """
    if EPOCHS_FILE not in manifest.files:
        return []
    return parse_epochs(read_file(storage, manifest, EPOCHS_FILE)).epochs
