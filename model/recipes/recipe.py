"""The named recipes: every setting of a training that users do not choose. Imports no torch."""

from dataclasses import dataclass, replace
from enum import StrEnum

from model.spec import RecipeName, ResolvedSpec

REFERENCE_BATCH_SIZE = 512
"""The batch size for which the learning rates in `RECIPES` are given."""


class Initialisation(StrEnum):
    """How the weights are initialised before training."""

    TORCH = "torch"
    DIRAC = "dirac"
    """PyTorch's own initialisation, then each convolution starts as the identity (airbench, arXiv 2404.00498)."""
    GLOROT_UNIFORM = "glorot_uniform"
    """The Keras default (Glorot and Bengio 2010)."""


class Optimizer(StrEnum):
    """Which optimizer updates the convolutions; SGD updates all other weights."""

    SGD = "sgd"
    MUON = "muon"
    """All convolutions but the first, which SGD updates."""


class Decay(StrEnum):
    """Which learning-rate schedule a training follows; see `model.recipes.schedule`."""

    ONE_CYCLE = "one_cycle"
    KERAS_TIME = "keras_time"


@dataclass(frozen=True)
class Recipe:
    """The settings of optimizer, schedule, loss and augmentation. Users set a few of them through the spec."""

    epochs: int
    learning_rate: float
    """Peak rate for batches of `REFERENCE_BATCH_SIZE`; other batch sizes scale it by sqrt(batch size / reference)."""
    weight_decay: float
    """L2 penalty on the weights of convolutions that SGD updates; all other weights have none."""
    label_smoothing: float
    decay: Decay
    warm_up_fraction: float
    """Share of all steps, 0 to 1."""
    final_fraction: float
    """Learning rate at the end, as a share of the peak."""
    initialisation: Initialisation
    whiten_input: bool
    """Train the first convolution on whitened 3x3 patches; see `model.training.optim.whitening`."""
    logit_scale: float
    """Factor s on the logits, from Page's "How to train your ResNet". The network has no such factor: instead the
    head's initial weights are multiplied by s and its learning rate by s², which trains the same function."""
    batch_norm_momentum: float
    """Weight of the newest batch in the running statistics: PyTorch's definition, 1 minus Keras's."""
    average_epochs: float
    """Time constant, in epochs, of the exponential moving average of the weights; 0 turns averaging off."""
    translate: float
    """Largest random shift in each direction, as a share of the image side."""
    cutout: float
    """Side of the blanked square, as a share of the image side (arXiv 1708.04552)."""
    alternating_flip: bool
    """Mirror each image in every second epoch instead of at random (airbench, arXiv 2404.00498)."""
    reflect_padding: bool
    """Fill the border of shifted images by reflection instead of with the mean."""
    optimizer: Optimizer
    muon_scale: float = 1.0
    """Muon's learning rate as a multiple of `learning_rate`. In `RECIPES` the multiple at `REFERENCE_BATCH_SIZE`;
    `recipe_of` adapts it, because Muon's best rate does not depend on the batch size."""
    muon_momentum: float = 0.6
    resize_schedule: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    """Progressive resizing: pairs of (progress from which a size is used, image side as a share of the full side).
    Sorted by progress; the first progress is 0 and the last share is 1."""


# docs/recipe-study.md gives the measurements behind each value.
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
    resize_schedule=((0.0, 0.75), (0.4, 0.875), (0.7, 1.0)),
)

RECIPES = {
    RecipeName.FAST: _FAST,
    # More epochs on fewer images: stronger augmentation.
    RecipeName.THOROUGH: replace(
        _FAST, epochs=20, translate=4 / 32, cutout=8 / 32, resize_schedule=((0.0, 1.0),)
    ),
    # The original Keras recipe, unchanged. Keras's l2(5e-4) adds 5e-4 * sum(w²) to the loss, whose gradient is 1e-3 * w.
    # A batch-norm momentum of 0.1 in Keras is the weight of the past: 0.9 in PyTorch's definition.
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
"""The `decay` argument of the Keras SGD optimizer in the original recipe."""


def recipe_of(spec: ResolvedSpec) -> Recipe:
    """Return the spec's named recipe with the values that the spec sets."""
    recipe = RECIPES[spec.recipe]
    return replace(
        recipe,
        # An update by Muon has the same norm at every batch size, so its best learning rate is the same too:
        # this factor cancels the square-root scaling of `spec.learning_rate`.
        muon_scale=recipe.muon_scale * (REFERENCE_BATCH_SIZE / spec.batch_size) ** 0.5,
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        label_smoothing=spec.label_smoothing,
    )
