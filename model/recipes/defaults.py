"""Chooses a value for every field that a spec leaves open, from the dataset and the device. Imports no torch."""

from typing import TypeVar

from model.errors import UnfitSpecError
from model.recipes.advice import warnings_for
from model.recipes.recipe import RECIPES, REFERENCE_BATCH_SIZE
from model.recipes.schedule import steps_per_epoch
from model.recipes.validation import validation_counts
from model.spec import (
    MAX_EPOCHS,
    Augmentation,
    ClassWeighting,
    DatasetFacts,
    JobSpec,
    Promote,
    RecipeName,
    Resize,
    ResolvedSpec,
)

T = TypeVar("T")

MIN_IMAGES_PER_DEVICE = 2
"""Batch norm needs at least two images to compute a variance on each device."""


def resolve(spec: JobSpec, facts: DatasetFacts, device_kind: str) -> tuple[ResolvedSpec, list[str]]:
    """Fill in the open fields of a spec; return the complete spec and warnings for the user.

    Args:
        spec: as the user posted it; `init_from`, where given, is already a model id.
        facts: describes the spec's dataset.
        device_kind: `cpu` or `cuda`.

    Raises:
        UnfitSpecError: the batches are too small for the requested number of devices, or patience has no validation
            images.
    """
    fraction = _given_or(spec.validation_fraction, _default_validation_fraction(facts))
    validation_images = sum(validation_counts(facts.train_counts, fraction))
    images = facts.train_images - validation_images
    name = spec.recipe or _default_recipe(facts)
    recipe = RECIPES[name]
    batch_size = spec.batch_size or _default_batch_size(name, facts.train_images)
    _check_batch_per_device(images, batch_size, spec.gpus)
    _check_patience(spec.patience, fraction, validation_images)
    image_size = spec.image_size or default_image_size(facts)
    resolved = ResolvedSpec(
        dataset=facts.id,
        name=spec.name or facts.name,
        recipe=name,
        epochs=spec.epochs
        or (MAX_EPOCHS if spec.time_budget_s else _default_epochs(name, images, device_kind)),
        batch_size=batch_size,
        learning_rate=spec.learning_rate or _default_learning_rate(name, batch_size),
        weight_decay=_given_or(spec.weight_decay, recipe.weight_decay),
        label_smoothing=_given_or(spec.label_smoothing, recipe.label_smoothing),
        image_size=image_size,
        resize=spec.resize or Resize.SQUASH,
        augmentation=spec.augmentation or _default_augmentation(name, image_size),
        horizontal_flip=_given_or(spec.horizontal_flip, facts.mirror_symmetric),
        class_weighting=spec.class_weighting or _default_weighting(facts),
        seed=spec.seed,
        validation_fraction=fraction,
        promote=spec.promote,
        promote_metric=spec.promote_metric if spec.promote is Promote.IF_BETTER else None,
        promote_margin=spec.promote_margin if spec.promote is Promote.IF_BETTER else None,
        tags=spec.tags,
        init_from=spec.init_from,
        time_budget_s=spec.time_budget_s,
        gpus=spec.gpus,
        patience=spec.patience,
    )
    return resolved, warnings_for(resolved, facts, default_image_size(facts))


def _check_batch_per_device(images: int, batch_size: int, gpus: int) -> None:
    smallest_batch = images // steps_per_epoch(images, batch_size)
    if gpus > 1 and smallest_batch < MIN_IMAGES_PER_DEVICE * gpus:
        raise UnfitSpecError(
            "gpus",
            f"batches of {smallest_batch} images are too small for {gpus} devices, which need {MIN_IMAGES_PER_DEVICE} images "
            "each: use fewer devices or a larger batch_size.",
        )


def _check_patience(patience: int | None, fraction: float, validation_images: int) -> None:
    if patience is not None and not validation_images:
        raise UnfitSpecError(
            "patience",
            f"patience needs validation images, and validation_fraction {fraction} of this dataset is none: raise "
            "validation_fraction, add images, or leave patience out.",
        )


def default_image_size(facts: DatasetFacts) -> int:
    """Return the image side in pixels that keeps the detail of most images.

    At most 64: the network sees 64 px at once, as `model.recipes.advice` warns.
    """
    for below, size in ((24, 16), (48, 32)):
        if facts.median_short_side < below:
            return size
    return 64


def _default_recipe(facts: DatasetFacts) -> RecipeName:
    return RecipeName.FAST if facts.train_images >= 20_000 else RecipeName.THOROUGH


def _default_batch_size(name: RecipeName, images: int) -> int:
    """Return the largest power of two from 16 to 512 that gives at least 40 steps per epoch; 512 for `classic`."""
    if name is RecipeName.CLASSIC:
        return REFERENCE_BATCH_SIZE
    return int(min(512, max(16, 2 ** ((images // 40).bit_length() - 1))))


def _default_epochs(name: RecipeName, images: int, device_kind: str) -> int:
    if name is not RecipeName.THOROUGH or device_kind == "cpu":
        return RECIPES[name].epochs
    return min(100, max(20, 500_000 // max(1, images)))


def _default_learning_rate(name: RecipeName, batch_size: int) -> float:
    """Scale the recipe's rate with the square root of the batch size; `classic` keeps its rate."""
    scale = 1.0 if name is RecipeName.CLASSIC else (batch_size / REFERENCE_BATCH_SIZE) ** 0.5
    return round(RECIPES[name].learning_rate * scale, 4)


def _default_augmentation(name: RecipeName, image_size: int) -> Augmentation:
    is_small = image_size < 64 or name is RecipeName.CLASSIC
    return Augmentation.LIGHT if is_small else Augmentation.PHOTO


def _default_validation_fraction(facts: DatasetFacts) -> float:
    if facts.train_images >= 10_000:
        return 0.05
    return 0.1 if facts.train_images >= 2_000 else 0.2


def _default_weighting(facts: DatasetFacts) -> ClassWeighting:
    is_uneven = max(facts.train_counts) > 3 * min(facts.train_counts)
    return ClassWeighting.SQUARE_ROOT if is_uneven else ClassWeighting.NONE


def _given_or(given: T | None, default: T) -> T:
    """Return `given` unless it is None. `given or default` would replace 0 and False too."""
    return default if given is None else given
