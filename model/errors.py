"""Every way the domain can fail, each with the stable code that users see."""

from typing import ClassVar


class ModelError(Exception):
    """Root of the domain's errors; the message says what to do next."""

    code: ClassVar[str] = "internal_error"


class DatasetUnavailableError(ModelError):
    """Raised when a dataset cannot be had here: unknown, or its download is out of reach."""

    code = "dataset_unavailable"


class DatasetRejectedError(ModelError):
    """Raised when a folder or zip cannot become a dataset; the message says why."""

    code = "dataset_rejected"


class UnexpectedDatasetError(ModelError):
    """Raised when what was imported is not the dataset that it had to be; nothing was stored."""

    code = "other_dataset"


class UnfitSpecError(ModelError):
    """Raised when a field of a spec cannot be what it is for this dataset."""

    code = "invalid_request"

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"Correct {param}: {message}")
        self.errors = [{"param": param, "message": message}]


class ImageError(ModelError):
    """Raised when bytes are not an image that we accept."""

    code = "not_an_image"


class ImageTooLargeError(ImageError):
    """Raised when an image's header announces more pixels than the cap."""

    code = "image_too_large"


class UnsupportedFormatError(ImageError):
    """Raised when a file is an image of a format that we do not decode."""

    code = "unsupported_format"


class InitModelUnavailableError(ModelError):
    """Raised when the model that a training starts from is gone."""

    code = "init_model_unavailable"

    def __init__(self, model_id: str) -> None:
        super().__init__(
            f"The model {model_id} that this job starts from was deleted: post the job again without init_from, or "
            "with another."
        )


class RankDiedError(Exception):
    """Raised when one of the processes that train together died: the attempt may be repeated."""


class TrainingDivergedError(ModelError):
    """Raised when the loss is no longer a finite number."""

    code = "training_diverged"

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(
            f"The loss was not finite at epoch {epoch}, step {step}: lower the learning rate or use the "
            "recipe's own."
        )
        self.epoch = epoch
        self.step = step


class StorageError(ModelError):
    """Raised when storage cannot be read or written."""

    code = "storage_error"


class StorageFullError(StorageError):
    """Raised when storage has too little room for anything new; the message says what to do."""

    code = "storage_full"


class ObjectMissingError(StorageError):
    """Raised when an object is read that is not there; storage itself works."""


class ObjectExistsError(StorageError):
    """Raised when an object is put twice with different bytes: objects never change."""

    code = "object_exists"


class CorruptArtifactError(ModelError):
    """Raised when an artifact's hash is not the one in its manifest."""

    code = "corrupt_artifact"


class DamagedCheckpointError(CorruptArtifactError):
    """Raised when a checkpoint's bytes are not those that were saved."""
