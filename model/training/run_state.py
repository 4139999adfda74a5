"""The state of a training that a checkpoint must contain to resume it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.device.device import Device
from model.evaluation.training_predictions import TrainingPredictions
from model.network.resnet9 import ResNet9, published_weights
from model.recipes.recipe import Recipe
from model.spec import ResolvedSpec
from model.training.optim.initialisation import initialise_network
from model.training.optim.optimizer import keep_rates_on_device, make_optimizer
from model.training.optim.sgd import Sgd
from model.training.optim.weight_average import WeightAverage
from model.training.optim.whitening import Whitening, whitening_matrix
from model.training.seeding import seed_step
from model.training.training_data import TrainingData

_INITIALISATION = -1
"""The epoch in whose place the seed of the initialisation is derived."""
_MIN_STEPS_FOR_AVERAGE = 50
"""Before this many steps the average consists mostly of weights that had learnt nothing, so it is not evaluated."""
_PATCH_PIXELS = 500 * 32 * 32
"""Pixels of the images whose 3x3 patches are whitened; the computation takes 2 x 27 numbers for each pixel."""
_MIN_PATCH_IMAGES = 32


@dataclass(frozen=True)
class Best:
    """The best epoch so far, which will be published."""

    epoch: int
    """From 1."""
    score: float
    """Validation accuracy, or balanced accuracy under class weighting."""
    val_loss: float
    val_accuracy: float
    weights: dict[str, Tensor]

    def is_better_than(self, other: "Best | None", margin: float = 0.0) -> bool:
        """Whether this epoch has a higher score, or the same score and a lower loss, or a score less than `margin` lower."""
        if other is None or self.score + margin > other.score:
            return True
        return self.score == other.score and self.val_loss < other.val_loss


@dataclass(frozen=True)
class CoolDown:
    """The end of a training whose patience is used up."""

    after_epoch: int
    """The number of epochs that were completed when the patience was used up."""
    epochs: int
    """The number of epochs of the cool-down; 0 ends the training at once."""
    progress: float
    """The progress of the training when the cool-down began, 0 to 1."""

    @property
    def last_epoch(self) -> int:
        """The number of the training's last epoch, from 1."""
        return self.after_epoch + self.epochs


@dataclass
class RunState:
    """Weights, averages, position and running sums of a training."""

    network: ResNet9
    optimizer: Sgd
    average: WeightAverage | None
    whitening: Whitening | None
    predictions: TrainingPredictions
    sums: Tensor
    """Running sums of the current epoch: cross-entropy, correct predictions, images, and gradient norms; float64 [4] on
    the device."""
    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Completed steps of the next epoch."""
    train_s: float = 0.0
    """Seconds spent on the completed steps of the next epoch."""
    data_s: float = 0.0
    """Seconds of `train_s` that were spent on making batches."""
    best: Best | None = field(default=None)
    cool_down: CoolDown | None = None
    steps_made: int = 0
    """Steps of the whole training; fewer than the position implies if a time budget ended an epoch early."""
    micro_batches: int = 1
    """Number of micro-batches into which a batch is split, to save memory; doubled when memory runs out."""
    used_s: float = 0.0
    """Seconds of the time budget that were used when the checkpoint was saved."""
    still_running_at: float = 0.0
    """Unix time at which a checkpoint was saved while the training went on: if the process dies later, the time since
    then counts towards the budget. 0 in the checkpoint of a drain: waiting for the next attempt does not count."""

    @property
    def position(self) -> tuple[int, int]:
        """Return (completed epochs, completed steps of the next epoch)."""
        return self.epoch, self.step

    @property
    def evaluated_network(self) -> ResNet9:
        """The network that is evaluated and published: the average of the weights, or the weights without an average."""
        is_average_ready = self.steps_made >= _MIN_STEPS_FOR_AVERAGE
        return self.average.network if self.average and is_average_ready else self.network

    def copy_evaluated_weights(self) -> dict[str, Tensor]:
        """Return a copy of the evaluated network's weights."""
        return {name: tensor.clone() for name, tensor in published_weights(self.evaluated_network).items()}


def initial_state(
    spec: ResolvedSpec,
    recipe: Recipe,
    data: TrainingData,
    steps_per_epoch: int,
    device: Device,
    *,
    load_weights: Callable[[ResNet9], None] | None = None,
) -> RunState:
    """Return the state before the first step. It depends on the arguments alone.

    Args:
        spec: its seed determines the random weights.
        recipe: determines initialisation, optimizer and averaging.
        data: its training images determine the whitening.
        steps_per_epoch: converts the averaging time constant from epochs to steps.
        device: holds the network.
        load_weights: replaces the random weights with those of another model.
    """
    seed_step(spec.seed, _INITIALISATION, 0)
    network = initialise_network(recipe, len(data.facts.classes))
    network = network.to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    whitening = _whiten_input(network, data) if recipe.whiten_input else None
    if load_weights:
        load_weights(network)
    optimizer = make_optimizer(network, recipe)
    if device.uses_cuda_graphs:
        keep_rates_on_device(optimizer, device.torch_device)
    horizon_steps = recipe.average_epochs * steps_per_epoch
    return RunState(
        network=network,
        optimizer=optimizer,
        average=WeightAverage(network, horizon_steps) if horizon_steps else None,
        whitening=whitening,
        predictions=TrainingPredictions(len(data.train), len(data.facts.classes), device.torch_device),
        sums=torch.zeros(4, dtype=torch.float64, device=device.torch_device),
    )


def _whiten_input(network: ResNet9, data: TrainingData) -> Whitening:
    images_NHWC = data.train.images_NHWC
    count = max(_MIN_PATCH_IMAGES, _PATCH_PIXELS // (images_NHWC.shape[1] * images_NHWC.shape[2]))
    # Spread evenly over the training images, which are sorted by class.
    chosen_N = torch.linspace(0, len(images_NHWC) - 1, min(count, len(images_NHWC))).long()
    sample_NHWC = images_NHWC[chosen_N.to(images_NHWC.device)]
    whitening = Whitening(network, whitening_matrix(data.normalisation.apply(sample_NHWC)))
    whitening.apply_to_weight()
    return whitening
