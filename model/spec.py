"""The specs of training jobs: as users post them and as they run. Shared by HTTP API, command line and trainer."""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

FULL_BITS = 16
"""Bits of the values of a 16-bit image."""
ID_PREFIXES = ("job_", "mdl_", "ds_", "imp_")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=/-]{0,63}")


def legal_name(text: str) -> str:
    """Return the name nearest to a text, such as `my-photos` for "My Photos"; empty when no character fits."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = _NOT_IN_NAMES.sub("-", ascii_text.lower()).lstrip("-._")[:64].rstrip("-._")
    return name.replace("_", "-", 1) if name.startswith(ID_PREFIXES) else name


def _check_name(name: str) -> str:
    nearest = legal_name(name)
    hint = f"; {nearest} would do" if nearest else ""
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a name has 1 to 64 lower-case letters a to z, digits, dots, hyphens and underscores, and begins with a "
            f"letter or digit{hint}"
        )
    if name.startswith(ID_PREFIXES):
        raise ValueError(f"a name must not start with {', '.join(ID_PREFIXES)}: ids start with these{hint}")
    return name


def _check_tag(tag: str) -> str:
    if not _TAG.fullmatch(tag):
        raise ValueError(
            "a tag has 1 to 64 letters A to Z and a to z, digits and the characters . _ : = / -, and begins with a "
            "letter or digit"
        )
    return tag


Name = Annotated[
    str,
    AfterValidator(_check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"}),
]
"""The name of a model or dataset: 1 to 64 lower-case letters, digits, `.`, `_` and `-`; not an id."""

Tag = Annotated[
    str, AfterValidator(_check_tag), WithJsonSchema({"type": "string", "pattern": f"^{_TAG.pattern}$"})
]


class RecipeName(StrEnum):
    """The named recipes; see model/recipes/recipe.py."""

    FAST = "fast"
    THOROUGH = "thorough"
    CLASSIC = "classic"


class Resize(StrEnum):
    """How an image of any shape is made square: distorted, cropped at the centre, or padded."""

    SQUASH = "squash"
    CROP = "crop"
    PAD = "pad"


class Augmentation(StrEnum):
    """How training images are augmented: not at all, by shifts and cutout, or by random crops and colours."""

    NONE = "none"
    LIGHT = "light"
    PHOTO = "photo"


class ClassWeighting(StrEnum):
    """How the loss compensates for classes of different sizes: not at all, or with weights 1 / sqrt(images of the class)."""

    NONE = "none"
    SQUARE_ROOT = "square_root"


class Promote(StrEnum):
    """Whether a successful job moves the `production` alias to its model.

    Only the first model of a name; also a model that is better than the one in production; or never.
    """

    FIRST = "first"
    IF_BETTER = "if_better"
    NEVER = "never"


class Metric(StrEnum):
    """What a model must be better in than the one in production."""

    ACCURACY = "accuracy"
    BALANCED_ACCURACY = "balanced_accuracy"
    LOG_LOSS = "log_loss"


MAX_EPOCHS = 1000
Epochs = Annotated[int, Field(strict=True, ge=1, le=MAX_EPOCHS)]
BatchSize = Annotated[int, Field(strict=True, ge=2, le=4096)]
LearningRate = Annotated[float, Field(strict=True, gt=0, le=10)]
WeightDecay = Annotated[float, Field(strict=True, ge=0, le=1)]
LabelSmoothing = Annotated[float, Field(strict=True, ge=0, lt=1)]
SMALLEST_IMAGE_SIZE = 16
ImageSize = Annotated[int, Field(strict=True, ge=SMALLEST_IMAGE_SIZE, le=224)]
ValidationFraction = Annotated[float, Field(strict=True, ge=0, le=0.5)]
TimeBudget = Annotated[float, Field(strict=True, ge=1, le=30 * 86_400)]
Patience = Annotated[int, Field(strict=True, ge=1, le=MAX_EPOCHS)]
Gpus = Annotated[int, Field(strict=True, ge=1, le=16)]
Priority = Annotated[int, Field(strict=True, ge=-100, le=100)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**32 - 1)]
Margin = Annotated[float, Field(strict=True, ge=0, le=10, allow_inf_nan=False)]
"""How much better; 0.01 is one percentage point of accuracy."""


class TrainingSpec(BaseModel):
    """The settings of a training. Fields that are None get a value from the dataset and the device."""

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
    """Number of devices of one worker that train together, each on its share of every batch."""
    time_budget_s: TimeBudget | None = None
    """Seconds from the first step to the published model. Without `epochs` the training makes as many epochs as fit."""
    validation_fraction: ValidationFraction | None = None
    patience: Patience | None = None
    """Epochs without a better validation score after which the training ends early, with a short cool-down."""

    @field_validator("patience")
    @classmethod
    def _has_validation_images(cls, patience: int | None, info: ValidationInfo) -> int | None:
        if patience is not None and info.data.get("validation_fraction") == 0:
            raise ValueError(
                "patience needs validation images, and validation_fraction is 0: raise validation_fraction, or leave "
                "patience out"
            )
        return patience


class JobSpec(TrainingSpec):
    """A training job as a user posts it."""

    dataset: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    name: Name | None = None
    init_from: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """A model whose weights the training starts from: `name`, `name:3`, `name@alias` or `mdl_…`; `starter`; null: none.

    Small sets whose job leaves this out start from the starter, if there is one.
    """
    promote: Promote = Promote.FIRST
    promote_metric: Metric = Metric.ACCURACY
    """With `promote: if_better`: what the model must be better in."""
    promote_margin: Margin = 0.0
    """With `promote: if_better`: the lower end of the difference's 95 % interval must be above this."""
    priority: Priority = 0
    """Queued jobs of a higher priority run first; among equals the one that was posted first."""
    tags: Annotated[list[Tag], Field(max_length=16)] = []

    @model_validator(mode="after")
    def _check_promotion(self) -> Self:
        is_set = self.promote_metric is not Metric.ACCURACY or self.promote_margin
        if is_set and self.promote is not Promote.IF_BETTER:
            raise ValueError("promote_metric and promote_margin need promote: if_better")
        return self


class ExtendedFrom(BaseModel):
    """The job that another job continues from its last training state."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    job: str
    model: str
    """The id of the model that the job published, of whose training the state is."""
    epochs: Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
    """The epochs that the job had completed; the epochs of its continuation are numbered from there."""
    progress: Annotated[float, Field(ge=0, lt=1)]
    """The share of both trainings together that the job had completed: the learning rate continues there."""


LATER_FIELDS = frozenset({"patience", "promote_metric", "promote_margin", "rerun_of", "extended_from"})
"""The fields of `ResolvedSpec` that the first release does not know and refuses. Records that it reads leave them out."""


class ResolvedSpec(BaseModel):
    """The complete spec of a training, stored with the job and the model. Fields of later versions are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

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
    """The id of the model whose weights the training starts from."""
    time_budget_s: TimeBudget | None = None
    gpus: Gpus = 1
    promote_metric: Metric | None = Field(default=None, exclude_if=lambda metric: metric is None)
    """Only with `promote: if_better`. Records that the first release reads say `promote: never` then."""
    promote_margin: Margin | None = Field(default=None, exclude_if=lambda margin: margin is None)
    patience: Annotated[Patience | None, Field(exclude_if=lambda value: value is None)] = None
    rerun_of: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None
    """The id of the job that this job repeats."""
    extended_from: Annotated[ExtendedFrom | None, Field(exclude_if=lambda value: value is None)] = None
    """The job that this job continues; `epochs` counts the epochs of both."""

    @property
    def epochs_before(self) -> int:
        """The epochs of the training that this one continues; 0 without one."""
        return self.extended_from.epochs if self.extended_from else 0

    @property
    def progress_before(self) -> float:
        """The share of both trainings that the one which is continued had completed; 0 without one."""
        return self.extended_from.progress if self.extended_from else 0.0

    def first_release_json(self) -> str:
        """Return the spec as JSON that every release reads: without the fields of `LATER_FIELDS`, and without a gate."""
        is_gated = self.promote is Promote.IF_BETTER
        known = self.model_copy(update={"promote": Promote.NEVER}) if is_gated else self
        return known.model_dump_json(exclude=set(LATER_FIELDS))

    def later_settings(self) -> dict[str, JsonValue]:
        """Return the fields of `LATER_FIELDS` that are set."""
        return self.model_dump(mode="json", include=set(LATER_FIELDS))


class DatasetFacts(BaseModel):
    """Facts about a dataset that are known without opening its images."""

    model_config = ConfigDict(frozen=True)

    id: str
    """`ds_…`, or the name of a built-in dataset."""
    name: str
    classes: list[str]
    train_counts: list[int]
    """Training images of each class, in the order of `classes`."""
    test_counts: list[int]
    median_width: int
    median_height: int
    mirror_symmetric: bool = True
    """False if a mirrored image can belong to another class, as with digits."""
    sample_bits: int = FULL_BITS
    """Bits, 8 to 16, that the values of the 16-bit images use."""
    reader_version: int = 1
    """The version of the import that found the two facts above; the first releases stored none."""
    content_hash: str

    @property
    def train_images(self) -> int:
        """Number of training images, including those that become validation images."""
        return sum(self.train_counts)

    @property
    def median_short_side(self) -> int:
        """The smaller of median width and median height, in pixels."""
        return min(self.median_width, self.median_height)
