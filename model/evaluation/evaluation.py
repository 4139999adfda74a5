"""The file of a model that says how good it is on a split of a dataset: its fields. Imports no torch."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from model.artifact.manifest import DatasetReference, Fraction

EVALUATION_FILE = "evaluation.json"

Ci95 = Annotated[tuple[Fraction, Fraction], Field(description="95 % confidence interval.")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class ConfidenceBin(_Part):
    """Images of similar confidence."""

    confidence: Fraction = Field(description="Mean probability of the predicted classes.")
    accuracy: Fraction
    ci95: Ci95
    images: int


class Calibration(_Part):
    """How well probabilities agree with how many predictions are right."""

    ece: Fraction = Field(description="Expected calibration error, over bins of equally many images.")
    ece_uncalibrated: Fraction = Field(description="The same error without the temperature.")
    bins: list[ConfidenceBin]
    bins_uncalibrated: list[ConfidenceBin]


class ClassScores(_Part):
    """The scores of one class; null where no image counts."""

    name: str
    support: int = Field(description="Images that are labelled so.")
    predicted: int = Field(description="Images that are predicted so.")
    precision: Fraction | None
    precision_ci95: Ci95 | None
    recall: Fraction | None
    recall_ci95: Ci95 | None
    f1: Fraction | None
    f1_ci95: Ci95 | None


class Confusion(_Part):
    """Images of one class that are predicted as another."""

    label: str
    predicted: str
    images: int


class Threshold(_Part):
    """What is left when predictions below a probability are not used."""

    min_score: Fraction
    coverage: Fraction = Field(description="Share of the images whose prediction is used.")
    accuracy: Fraction | None = Field(description="Of these images.")
    ci95: Ci95 | None
    images: int


class UnseenScores(_Part):
    """The scores of the images that the training has not seen."""

    images: int
    accuracy: Fraction
    ci95: Ci95


class TrainingOverlap(_Part):
    """How many of the images the model has seen in its training, or a model from whose weights it started."""

    trained_on: int = Field(
        description="Images that are training images, also where those are of another dataset."
    )
    near_training: int = Field(
        description="Further images that look nearly like a training image, by their perceptual hashes."
    )
    is_complete: bool = Field(
        description="False when not all training images are known, as after their dataset was deleted: the model may have "
        "seen more."
    )
    unseen: UnseenScores | None = Field(description="Without these images; null when no image is left.")


class Evaluation(_Part):
    """How good a model is on a split of a dataset; all of it follows from the stored predictions."""

    dataset: DatasetReference
    split: str
    images: int
    groups: int = Field(description="Groups of near-duplicates; an image alone is a group.")
    unknown_classes: dict[str, int] = Field(
        default={},
        description="Images of classes that the model does not have, by class. They are not counted elsewhere.",
    )
    training_overlap: TrainingOverlap | None = Field(
        default=None,
        description="Of an evaluation on another dataset; null for the model's own test images, which it has not seen, and "
        "for evaluations by earlier releases. The other fields count all images.",
    )
    accuracy: Fraction
    ci95: Ci95 = Field(description="95 % confidence interval of the accuracy (Wilson).")
    ci95_by_group: Ci95 = Field(description="The same, by groups of near-duplicates (bootstrap).")
    balanced_accuracy: Fraction = Field(description="Mean recall of the classes that have images.")
    top_k: dict[str, Fraction] = Field(
        description="Share of the images whose label is among the k most probable classes."
    )
    log_loss: float
    log_loss_uncalibrated: float = Field(description="Without the temperature.")
    temperature: float
    calibration: Calibration
    classes: list[ClassScores]
    confusion_matrix: list[list[int]] | None = Field(
        description="Images by label (rows) and predicted class (columns); null above 200 classes."
    )
    confusions: list[Confusion] = Field(description="The 100 most frequent confusions of two classes.")
    thresholds: list[Threshold]
