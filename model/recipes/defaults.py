"""What an open spec becomes for a dataset and a device. Imports no torch."""

from typing import TypeVar

from model.errors import UnfitSpecError
from model.recipes.advice import warnings_for
from model.recipes.recipe import RATED_BATCH, RECIPES
from model.recipes.schedule import steps_per_epoch
from model.recipes.validation import validation_counts
from model.spec import (
    MAX_EPOCHS,
    Augmentation,
    ClassWeighting,
    DatasetFacts,
    JobSpec,
    RecipeName,
    Resize,
    ResolvedSpec,
)

T = TypeVar("T")

MIN_IMAGES_PER_DEVICE = 2
"""Batch norms need more than one."""


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
    scale = 1.0 if is_classic else (batch_size / RATED_BATCH) ** 0.5
    resolved = ResolvedSpec(
        dataset=facts.id,
        name=spec.name or facts.name,
        recipe=name,
        epochs=spec.epochs
        or (MAX_EPOCHS if spec.time_budget_s else _default_epochs(name, images, device_kind)),
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
    if gpus > 1 and smallest < MIN_IMAGES_PER_DEVICE * gpus:
        raise UnfitSpecError(
            "gpus",
            f"batches of {smallest} images are too small for {gpus} devices, which need {MIN_IMAGES_PER_DEVICE} images "
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
