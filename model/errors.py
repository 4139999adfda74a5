"""The errors of this package, each with the stable code that users see."""

from collections.abc import Sequence
from typing import ClassVar


class ModelError(Exception):
    """Root of the errors of this package. Messages say what to do next."""

    code: ClassVar[str] = "internal_error"


class DatasetUnavailableError(ModelError):
    """Raised when a dataset is unknown, or its download fails."""

    code = "dataset_unavailable"


class DatasetTooLargeError(ModelError):
    """Raised when the disk of the cache has no room for the images of a dataset at their final size."""

    code = "dataset_too_large"

    def __init__(
        self, images: int, image_size: int, needed_bytes: int, free_bytes: int, fitting_size: int | None
    ) -> None:
        fits = f"choose image_size {fitting_size}" if fitting_size else "free some space"
        super().__init__(
            f"The {images} images take {needed_bytes / 1e9:.2f} GB at {image_size} px, and the cache has room for "
            f"{free_bytes / 1e9:.2f} GB: {fits}, use fewer images, or choose another folder for the cache."
        )


class DatasetRejectedError(ModelError):
    """Raised when a folder or zip does not contain a valid dataset; the message says why."""

    code = "dataset_rejected"


class ImagesRejectedError(ModelError):
    """Raised when a zip of images to classify cannot be read, is hostile or too large; the message says why."""

    code = "images_rejected"


class UnexpectedDatasetError(ModelError):
    """Raised when the images to import are not those of the expected dataset; nothing was stored."""

    code = "other_dataset"


class UnknownImageError(ModelError):
    """Raised when corrections name an image, or a group of images, that the dataset does not have."""

    code = "unknown_image"


class EmptiedClassError(ModelError):
    """Raised when corrections remove every image of a class."""

    code = "class_emptied"


class UnchangedDatasetError(ModelError):
    """Raised when corrections and added images lead to the very dataset that they correct."""

    code = "dataset_unchanged"


class UnfitSpecError(ModelError):
    """Raised when the value of a spec's field does not fit the dataset."""

    code = "invalid_request"

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"Correct {param}: {message}")
        self.errors = [{"param": param, "message": message}]


class ImageError(ModelError):
    """Raised when bytes are not an image of a supported format."""

    code = "not_an_image"


class ImageTooLargeError(ImageError):
    """Raised when an image has more pixels than allowed, or memory does not suffice to decode it."""

    code = "image_too_large"


class UnsupportedFormatError(ImageError):
    """Raised when a file is an image of an unsupported format."""

    code = "unsupported_format"


class InitModelUnavailableError(ModelError):
    """Raised when the model that a training starts from has been deleted."""

    code = "init_model_unavailable"

    def __init__(self, model_id: str) -> None:
        super().__init__(
            f"The model {model_id} that this job starts from was deleted: post the job again without init_from, or "
            "with another model."
        )


class TrainingStateGoneError(ModelError):
    """Raised when the last state of the training that a job continues cannot be read any more."""

    code = "training_state_gone"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The job that this one continues has no usable training state any more. {reason} Post a job with its dataset "
            "and its model as init_from instead."
        )


class UnknownRecipeError(ModelError):
    """Raised when this version of Ninefold cannot train a job's recipe, because another version made it."""

    code = "unknown_recipe"

    def __init__(self, name: str, made_by: str, installed: str, settings: Sequence[str]) -> None:
        super().__init__(
            f"Ninefold {made_by} made the recipe {name!r} of this job, and this worker (Ninefold {installed}) does not "
            f"know or misses the settings {', '.join(settings)}: run workers of Ninefold {made_by} and post the job "
            "again."
        )
        self.settings = tuple(settings)


class RecipeChangedError(ModelError):
    """Raised when a checkpoint was trained with another recipe than the one that the training shall continue with."""

    code = "recipe_changed"

    def __init__(self, key: str, made_by: str, changes: Sequence[str]) -> None:
        super().__init__(
            f"Checkpoint {key!r} of Ninefold {made_by} was trained with another recipe ({', '.join(changes)}), so the "
            "training cannot continue from it: post the job again to train with the new recipe from the start."
        )
        self.changes = tuple(changes)


class RankDiedError(Exception):
    """Raised when one of several training processes died. Not a `ModelError`: the attempt may be repeated."""


class RankFailedError(Exception):
    """Raised when one of several training processes ended with an unexpected error."""

    def __init__(self, rank: int, message: str) -> None:
        super().__init__(f"in training process {rank}: {message}")
        self.rank = rank


class TrainingDivergedError(ModelError):
    """Raised when the loss is no longer a finite number."""

    code = "training_diverged"

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(
            f"The loss was not finite at epoch {epoch}, step {step}: lower the learning rate or use the "
            "rate of the recipe."
        )
        self.epoch = epoch
        self.step = step


class ModelExistsError(ModelError):
    """Raised when a folder contains a model that a new one would replace."""

    code = "model_exists"


class StorageError(ModelError):
    """Raised when storage cannot be read or written."""

    code = "storage_error"


class StorageFullError(StorageError):
    """Raised when storage has too little free space for new objects."""

    code = "storage_full"


class ObjectMissingError(StorageError):
    """Raised when an object that is read does not exist, although storage works."""


class ObjectExistsError(StorageError):
    """Raised when an object exists already with different bytes: stored objects never change."""

    code = "object_exists"


class ExportError(ModelError):
    """Raised when an exported graph does not compute what the network computes."""


class CorruptArtifactError(ModelError):
    """Raised when a stored model or checkpoint cannot be read, or its hash is not the recorded one."""

    code = "corrupt_artifact"


class BundleRejectedError(ModelError):
    """Raised when a zip is not the bundle of a model, or what is in it does not fit together; the message says why."""

    code = "bundle_rejected"


class NoCommonClassError(ModelError):
    """Raised when a model is evaluated on images of which none has a class of the model."""

    code = "no_common_class"

    def __init__(self, of_model: Sequence[str], of_dataset: Sequence[str]) -> None:
        super().__init__(
            f"No image has a class of the model. The model has {_listed(of_model)}, the dataset {_listed(of_dataset)}: "
            "choose another dataset, or name its classes as the model does."
        )


class NoEvaluationError(ModelError):
    """Raised when a model has no stored evaluation, because an earlier release published it."""

    code = "no_evaluation"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"{name}:{version} was trained by an earlier release, which stored no evaluation: train it again, or "
            "evaluate it on a dataset with POST /models/{ref}/evaluations."
        )


class TooFewHeldOutImagesError(ModelError):
    """Raised when a model has too few scores of held-out images for the coverage of a set."""

    code = "coverage_unavailable"

    def __init__(self, images: int, needed: int, coverage: float) -> None:
        super().__init__(
            f"A coverage of {coverage:g} needs the scores of {needed} validation images, and this model has those of "
            f"{images}: ask for a lower coverage, or train with more validation images (validation_fraction)."
        )


class MirrorsDifferError(ModelError):
    """Raised when mirror images shall be classified by a model that was not trained on any."""

    code = "tta_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "This model was trained without mirror images (horizontal_flip: false), because a mirror image can show "
            "another class: leave out tta."
        )


class CoverageOfMirrorsError(ModelError):
    """Raised when sets are asked for of scores whose like no held-out image has."""

    code = "coverage_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "Sets of labels follow from the scores of validation images, which were classified without mirror images: "
            "leave out tta or coverage."
        )


class DamagedCheckpointError(CorruptArtifactError):
    """Raised when a checkpoint's bytes are not those that were saved."""


def _listed(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
