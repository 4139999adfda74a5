"""The named recipes, and what an open spec becomes for a dataset and a device. Imports no torch."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from model.errors import UnfitSpecError
from model.recipes.advice import warnings_for
from model.recipes.schedule import steps_per_epoch
from model.recipes.validation import validation_counts
from model.spec import (
    MOST_EPOCHS,
    Augmentation,
    ClassWeighting,
    DatasetFacts,
    JobSpec,
    RecipeName,
    Resize,
    ResolvedSpec,
)

T = TypeVar("T")

_RATED_BATCH = 512
"""The batch that a recipe's learning rates are for."""

LEAST_IMAGES_A_DEVICE = 2
"""Batch norms need more than one."""


class Initialisation(StrEnum):
    """How the network starts."""

    TORCH = "torch"
    DIRAC = "dirac"
    """As torch, but convolutions pass their input on; airbench (arXiv 2404.00498)."""
    GLOROT_UNIFORM = "glorot_uniform"


class Optimizer(StrEnum):
    """What moves the convolutions; the rest is moved by SGD."""

    SGD = "sgd"
    MUON = "muon"


class Decay(StrEnum):
    """How the learning rate moves."""

    ONE_CYCLE = "one_cycle"
    KERAS_TIME = "keras_time"


@dataclass(frozen=True)
class Recipe:
    """All that the optimizer, schedule, loss and augmentation need and that users do not set."""

    epochs: int
    learning_rate: float
    """Other batches than `_RATED_BATCH` scale it with the square root of their size."""
    weight_decay: float
    label_smoothing: float
    decay: Decay
    warm_up_fraction: float
    final_fraction: float
    initialisation: Initialisation
    whiten_input: bool
    """Train the first convolution in the basis of whitened 3x3 patches."""
    logit_scale: float
    """Page's multiplier on the logits, folded into the head: initial weights times s, learning rate times s²."""
    batch_norm_momentum: float
    average_epochs: float
    """Horizon of the weight average; 0 publishes the weights as they are."""
    translate: float
    """Largest shift, as a share of the side."""
    cutout: float
    """Side of the blanked square, as a share of the side."""
    alternating_flip: bool
    reflect_padding: bool
    optimizer: Optimizer
    muon_scale: float = 1.0
    """Muon's learning rate, as a multiple of the rest's; in `RECIPES` of that at `_RATED_BATCH`, whatever the batch."""
    muon_momentum: float = 0.6
    is_scale_frozen: bool = False
    """Keep the scales of the batch norms at 1."""
    bias_rate: float = 1.0
    """Learning rate of the batch norms' biases, as a multiple of the rest's."""
    ghost_images: int = 0
    """Batch norms see the batch in parts of about so many images; 0: all of it."""
    sizes: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    """From which share of the run on images have which share of their side; the last is 1."""


# Why each of these is as it is: docs/recipe-study.md.
_FAST = Recipe(
    epochs=9,
    learning_rate=0.5,
    weight_decay=5e-4,
    label_smoothing=0.2,
    decay=Decay.ONE_CYCLE,
    warm_up_fraction=0.2,
    final_fraction=0.02,
    initialisation=Initialisation.DIRAC,
    whiten_input=True,
    logit_scale=1 / 8,
    batch_norm_momentum=0.1,
    average_epochs=1.0,
    translate=2 / 32,
    cutout=0.0,
    alternating_flip=True,
    reflect_padding=True,
    optimizer=Optimizer.MUON,
    muon_scale=0.2,
    sizes=((0.0, 0.75), (0.4, 0.875), (0.7, 1.0)),
)

RECIPES = {
    RecipeName.FAST: _FAST,
    # More passes over fewer images: vary them more.
    RecipeName.THOROUGH: replace(_FAST, epochs=20, translate=4 / 32, cutout=8 / 32, sizes=((0.0, 1.0),)),
    # The source's, to the letter. Keras's l2(5e-4) adds 5e-4·Σw² to the loss: its gradient is 1e-3·w.
    # Keras's batch-norm momentum of 0.1 keeps 0.1 of the past, which torch calls 0.9.
    RecipeName.CLASSIC: Recipe(
        epochs=20,
        learning_rate=0.01,
        weight_decay=1e-3,
        label_smoothing=0.0,
        decay=Decay.KERAS_TIME,
        warm_up_fraction=0.0,
        final_fraction=1.0,
        initialisation=Initialisation.GLOROT_UNIFORM,
        whiten_input=False,
        logit_scale=1.0,
        batch_norm_momentum=0.9,
        average_epochs=0.0,
        translate=4 / 32,
        cutout=8 / 32,
        alternating_flip=False,
        reflect_padding=False,
        optimizer=Optimizer.SGD,
    ),
}

KERAS_TIME_DECAY = 1e-5


def side_at(recipe: Recipe, progress: float, full_side: int) -> int:
    """The side in pixels of the images that a run sees when so much of it is done: a multiple of 4.

    Args:
        recipe: whose `sizes` say so.
        progress: 0 to below 1.
        full_side: of the last images.
    """
    share = next(share for begins, share in reversed(recipe.sizes) if progress >= begins)
    return full_side if share == 1 else max(16, 4 * round(full_side * share / 4))


def sides_of(recipe: Recipe, full_side: int) -> list[int]:
    """Every side in pixels that images have in a run, the last at the end."""
    return [side_at(recipe, begins, full_side) for begins, _ in recipe.sizes]


def steps_left(recipe: Recipe, progress: float, full_side: int) -> float:
    """What is left of a run after so much of its steps: in time, as a share of that of as many steps as the next one."""
    begins = [begin for begin, _ in recipe.sizes]
    now = side_at(recipe, min(progress, 1 - 1e-9), full_side)
    return sum(
        max(0.0, end - max(begin, progress)) * (side / now) ** 2
        for begin, end, side in zip(begins, [*begins[1:], 1.0], sides_of(recipe, full_side), strict=True)
    )


def recipe_of(spec: ResolvedSpec) -> Recipe:
    """The recipe with what the spec says of it."""
    recipe = RECIPES[spec.recipe]
    return replace(
        recipe,
        # Muon's steps have the same length whatever the batch, and so has its best rate.
        muon_scale=recipe.muon_scale * (_RATED_BATCH / spec.batch_size) ** 0.5,
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        label_smoothing=spec.label_smoothing,
    )


def resolve(spec: JobSpec, facts: DatasetFacts, device_kind: str) -> tuple[ResolvedSpec, list[str]]:
    """What will really run, and what its owner should know.

    Args:
        spec: as posted; `init_from`, where given, is an id.
        facts: of its dataset.
        device_kind: `cpu` or `cuda`.

    Raises:
        UnfitSpecError: batches are too small to be shared by so many devices.
    """
    fraction = _first(spec.validation_fraction, _default_validation_fraction(facts))
    images = facts.train_images - sum(validation_counts(facts.train_counts, fraction))
    name = spec.recipe or (RecipeName.FAST if facts.train_images >= 20_000 else RecipeName.THOROUGH)
    recipe, is_classic = RECIPES[name], name is RecipeName.CLASSIC
    batch_size = spec.batch_size or (512 if is_classic else _default_batch_size(facts.train_images))
    _check_shares(images, batch_size, spec.gpus)
    image_size = spec.image_size or default_image_size(facts)
    is_small = image_size < 64 or is_classic
    scale = 1.0 if is_classic else (batch_size / _RATED_BATCH) ** 0.5
    resolved = ResolvedSpec(
        dataset=facts.id,
        name=spec.name or facts.name,
        recipe=name,
        epochs=spec.epochs
        or (MOST_EPOCHS if spec.time_budget_s else _default_epochs(name, images, device_kind)),
        batch_size=batch_size,
        learning_rate=spec.learning_rate or round(recipe.learning_rate * scale, 4),
        weight_decay=_first(spec.weight_decay, recipe.weight_decay),
        label_smoothing=_first(spec.label_smoothing, recipe.label_smoothing),
        image_size=image_size,
        resize=spec.resize or Resize.SQUASH,
        augmentation=spec.augmentation or (Augmentation.LIGHT if is_small else Augmentation.PHOTO),
        horizontal_flip=_first(spec.horizontal_flip, facts.mirror_symmetric),
        class_weighting=spec.class_weighting or _default_weighting(facts),
        seed=spec.seed,
        validation_fraction=fraction,
        promote=spec.promote,
        tags=spec.tags,
        init_from=spec.init_from,
        time_budget_s=spec.time_budget_s,
        gpus=spec.gpus,
    )
    return resolved, warnings_for(resolved, facts, default_image_size(facts))


def _check_shares(images: int, batch_size: int, gpus: int) -> None:
    smallest = images // steps_per_epoch(images, batch_size)
    if gpus > 1 and smallest < LEAST_IMAGES_A_DEVICE * gpus:
        raise UnfitSpecError(
            "gpus",
            f"batches of {smallest} images are too small for {gpus} devices, which need {LEAST_IMAGES_A_DEVICE} images "
            "each: use fewer devices or a larger batch_size.",
        )


def default_image_size(facts: DatasetFacts) -> int:
    """The side in pixels that keeps the detail of most images, as far as the network can see it whole."""
    for below, size in ((24, 16), (48, 32)):
        if facts.median_short_side < below:
            return size
    return 64


def _default_batch_size(images: int) -> int:
    """The power of two that leaves at least 40 steps an epoch, within 16 to 512."""
    return int(min(512, max(16, 2 ** ((images // 40).bit_length() - 1))))


def _default_epochs(name: RecipeName, images: int, device_kind: str) -> int:
    if name is not RecipeName.THOROUGH or device_kind == "cpu":
        return RECIPES[name].epochs
    return min(100, max(20, 500_000 // max(1, images)))


def _default_validation_fraction(facts: DatasetFacts) -> float:
    if facts.train_images >= 10_000:
        return 0.05
    return 0.1 if facts.train_images >= 2_000 else 0.2


def _default_weighting(facts: DatasetFacts) -> ClassWeighting:
    is_uneven = max(facts.train_counts) > 3 * min(facts.train_counts)
    return ClassWeighting.SQUARE_ROOT if is_uneven else ClassWeighting.NONE


def _first(given: T | None, default: T) -> T:
    """What the user gave, 0 and False included."""
    return default if given is None else given
