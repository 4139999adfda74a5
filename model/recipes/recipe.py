"""The named recipes, and what an open spec becomes for a dataset and a device. Imports no torch."""

from dataclasses import dataclass, replace
from enum import StrEnum

from model.spec import RecipeName, ResolvedSpec

RATED_BATCH = 512
"""The batch that a recipe's learning rates are for."""


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
    """Other batches than `RATED_BATCH` scale it with the square root of their size."""
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
    """Muon's learning rate, as a multiple of the rest's; in `RECIPES` of that at `RATED_BATCH`, whatever the batch."""
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


def recipe_of(spec: ResolvedSpec) -> Recipe:
    """The recipe with what the spec says of it."""
    recipe = RECIPES[spec.recipe]
    return replace(
        recipe,
        # Muon's steps have the same length whatever the batch, and so has its best rate.
        muon_scale=recipe.muon_scale * (RATED_BATCH / spec.batch_size) ** 0.5,
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        label_smoothing=spec.label_smoothing,
    )
