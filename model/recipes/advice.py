"""Warns about settings of a resolved spec that will train badly; each warning says what to change. Imports no torch."""

from collections.abc import Iterator

from model.recipes.validation import validation_counts
from model.spec import ID_PREFIXES, DatasetFacts, RecipeName, ResolvedSpec

FEW_IMAGES = 20
"""A class with fewer training images is warned about."""
MOST_IMBALANCE = 3
"""A dataset whose largest class has more times the training images of its smallest is warned about."""
FEW_STEPS = 100
"""A training of fewer steps is warned about."""


def warnings_for(spec: ResolvedSpec, facts: DatasetFacts, default_image_size: int) -> list[str]:
    """Return all warnings about a spec and its dataset, to be shown when the job is posted."""
    return [
        *_about_size(spec, facts, default_image_size),
        *_about_data(spec, facts),
        *_about_steps(spec, facts),
    ]


def _about_size(spec: ResolvedSpec, facts: DatasetFacts, default_image_size: int) -> Iterator[str]:
    size, median = spec.image_size, f"{facts.median_width} x {facts.median_height}"
    if size < default_image_size:
        yield f"The median image is {median}; {size} px discards detail: try image_size {default_image_size}."
    if size > 128:
        yield f"The network sees 64 px at once; at {size} px it sees an image as a bag of patches: try image_size 128."
    if size >= 2 * max(16, facts.median_short_side):
        yield f"The median image is {median}; {size} px only enlarges it: try image_size {default_image_size}."


def _about_data(spec: ResolvedSpec, facts: DatasetFacts) -> Iterator[str]:
    fewest, most = min(facts.train_counts), max(facts.train_counts)
    if fewest < FEW_IMAGES:
        rare = facts.classes[facts.train_counts.index(fewest)]
        yield f"Class {rare!r} has only {fewest} training images: add images, at least {FEW_IMAGES} in all."
    if most > MOST_IMBALANCE * fewest:
        yield (
            f"The largest class has {most} training images and the smallest {fewest}: training favours the "
            f"large classes; class_weighting is {spec.class_weighting.value}."
        )
    if spec.validation_fraction == 0:
        yield "There are no validation images: the model of the last epoch is published, uncalibrated."
    elif not sum(validation_counts(facts.train_counts, spec.validation_fraction)):
        yield (
            f"validation_fraction {spec.validation_fraction} of {facts.train_images} images is none: the model of "
            "the last epoch is published, uncalibrated. Raise the fraction or add images."
        )
    if sum(facts.test_counts) < 100:
        yield (
            f"The test split has only {sum(facts.test_counts)} images: its accuracy is uncertain, see the confidence interval."
        )
    if spec.horizontal_flip and not facts.mirror_symmetric:
        yield "In this dataset a mirrored image can belong to another class: set horizontal_flip to false."
    if not spec.horizontal_flip and not facts.mirror_symmetric and facts.id.startswith(ID_PREFIXES):
        yield (
            "Training does not mirror images (horizontal_flip is false), because mirrored images of this dataset look "
            "like those of other classes."
        )


def _about_steps(spec: ResolvedSpec, facts: DatasetFacts) -> Iterator[str]:
    images = facts.train_images - sum(validation_counts(facts.train_counts, spec.validation_fraction))
    steps = -(-images // spec.batch_size) * spec.epochs
    if spec.batch_size > images:
        yield f"batch_size {spec.batch_size} is more than all {images} training images: an epoch is one step."
    if steps < FEW_STEPS:
        yield f"The run has only {steps} steps: use more epochs or a smaller batch_size than {spec.batch_size}."
    if spec.recipe is RecipeName.CLASSIC and images < 20_000:
        yield f"The classic recipe is tuned for 97 steps of 512 images per epoch; for {images} images use thorough."
    if spec.patience and spec.patience >= spec.epochs - spec.epochs_before:
        yield f"patience {spec.patience} has no effect in so few epochs: use more, or a smaller patience."
