"""What a training job may say, and what will really run. One definition for HTTP, command line and trainer."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints

ID_PREFIXES = ("job_", "mdl_", "ds_")


def _is_no_id(name: str) -> str:
    if name.startswith(ID_PREFIXES):
        raise ValueError(f"a name must not start with {', '.join(ID_PREFIXES)}: those begin ids")
    return name


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_is_no_id)]
"""Lower-case letters, digits, `.`, `_`, `-`; 1 to 64 characters; not an id."""

Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:=/-]{0,63}$")]


class RecipeName(StrEnum):
    """A named way to train; see model/recipes/recipe.py."""

    FAST = "fast"
    THOROUGH = "thorough"
    CLASSIC = "classic"


class Resize(StrEnum):
    """How an image of any shape becomes a square."""

    SQUASH = "squash"
    CROP = "crop"
    PAD = "pad"


class Augmentation(StrEnum):
    """How training images are varied."""

    NONE = "none"
    LIGHT = "light"
    PHOTO = "photo"


class ClassWeighting(StrEnum):
    """How the loss makes up for classes of different sizes."""

    NONE = "none"
    SQUARE_ROOT = "square_root"


class Promote(StrEnum):
    """What happens to the name's `production` alias when the job succeeds."""

    FIRST = "first"
    NEVER = "never"


MAX_EPOCHS = 1000
Epochs = Annotated[int, Field(strict=True, ge=1, le=MAX_EPOCHS)]
BatchSize = Annotated[int, Field(strict=True, ge=2, le=4096)]
LearningRate = Annotated[float, Field(strict=True, gt=0, le=10)]
WeightDecay = Annotated[float, Field(strict=True, ge=0, le=1)]
LabelSmoothing = Annotated[float, Field(strict=True, ge=0, lt=1)]
ImageSize = Annotated[int, Field(strict=True, ge=16, le=224)]
ValidationFraction = Annotated[float, Field(strict=True, ge=0, le=0.5)]
TimeBudget = Annotated[float, Field(strict=True, ge=1, le=30 * 86_400)]
Gpus = Annotated[int, Field(strict=True, ge=1, le=16)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]


class TrainingSpec(BaseModel):
    """How to train; what is left open (`None`) is chosen from the dataset and the device."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    recipe: RecipeName | None = None
    epochs: Epochs | None = None
    batch_size: BatchSize | None = None
    learning_rate: LearningRate | None = None
    weight_decay: WeightDecay | None = None
    label_smoothing: LabelSmoothing | None = None
    image_size: ImageSize | None = None
    resize: Resize | None = None
    augmentation: Augmentation | None = None
    horizontal_flip: StrictBool | None = None
    class_weighting: ClassWeighting | None = None
    seed: Seed = 0
    gpus: Gpus = 1
    """Devices of one worker, each with its share of every batch."""
    time_budget_s: TimeBudget | None = None
    """Seconds from the first step to the published model; without `epochs`, as many epochs as fit."""
    validation_fraction: ValidationFraction | None = None


class JobSpec(TrainingSpec):
    """A training job as a user posts it."""

    dataset: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    name: Name | None = None
    init_from: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """A model whose weights training starts from: `name`, `name:3`, `name@alias` or `mdl_…`."""
    promote: Promote = Promote.FIRST
    tags: Annotated[list[Tag], Field(max_length=16)] = []


class ResolvedSpec(BaseModel):
    """What will really run: nothing is left open. Stored with the job and the model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    dataset: str
    name: Name
    recipe: RecipeName
    epochs: Epochs
    batch_size: BatchSize
    learning_rate: LearningRate
    weight_decay: WeightDecay
    label_smoothing: LabelSmoothing
    image_size: ImageSize
    resize: Resize
    augmentation: Augmentation
    horizontal_flip: bool
    class_weighting: ClassWeighting
    seed: Seed
    validation_fraction: ValidationFraction
    promote: Promote
    tags: list[Tag]
    init_from: str | None = None
    """The id of a model."""
    time_budget_s: TimeBudget | None = None
    gpus: Gpus = 1


class DatasetFacts(BaseModel):
    """What is known of a dataset without opening its images."""

    model_config = ConfigDict(frozen=True)

    id: str
    """`ds_…`, or the name of a built-in."""
    name: str
    classes: list[str]
    train_counts: list[int]
    """Training images of each class, in the order of `classes`."""
    test_counts: list[int]
    median_width: int
    median_height: int
    mirror_symmetric: bool = True
    """False when a mirror image means something else (digits)."""
    content_hash: str

    @property
    def train_images(self) -> int:
        """All training images, the later validation images included."""
        return sum(self.train_counts)

    @property
    def median_short_side(self) -> int:
        """Pixels."""
        return min(self.median_width, self.median_height)
