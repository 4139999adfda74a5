"""Everything a run must remember to go on: what a checkpoint holds."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.device.device import Device
from model.network.resnet9 import ResNet9, published_weights
from model.recipes.recipe import Recipe
from model.spec import ResolvedSpec
from model.training.optim.initialisation import initialise_network
from model.training.optim.optimizer import keep_rates_on_device, make_optimizer
from model.training.optim.weight_average import WeightAverage
from model.training.optim.whitening import Whitening, whitening_matrix
from model.training.seeding import seed_step
from model.training.training_data import TrainingData

_START = -1
_STEPS_TO_AVERAGE = 50
"""Before that, the average is mostly of weights that had learnt nothing."""
_PATCH_PIXELS = 500 * 32 * 32
"""Of the images whose 3x3 patches are whitened: every patch is 27 numbers twice."""
_LEAST_PATCH_IMAGES = 32


@dataclass(frozen=True)
class Best:
    """The epoch that is to be published so far."""

    epoch: int
    """From 1."""
    score: float
    """What epochs are compared by: accuracy, or balanced accuracy under class weighting."""
    val_loss: float
    val_accuracy: float
    weights: dict[str, Tensor]

    def beats(self, other: "Best | None") -> bool:
        """Higher score, or the same at a lower loss."""
        return other is None or (self.score, -self.val_loss) > (other.score, -other.val_loss)


@dataclass
class RunState:
    """Weights, averages, position and sums of a run."""

    network: ResNet9
    optimizer: torch.optim.SGD
    average: WeightAverage | None
    whitening: Whitening | None
    sums: Tensor
    """Of the current epoch: cross-entropy, right answers, images, norms of the gradients; float64 [4] on the device."""
    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Completed steps of the next epoch."""
    train_s: float = 0.0
    """Seconds spent on the steps of the next epoch."""
    data_s: float = 0.0
    """Of those, on making its batches."""
    best: Best | None = field(default=None)
    steps_made: int = 0
    """In all; fewer than the position says where time ended an epoch early."""
    micro_batches: int = 1
    """In how many parts a batch goes through the network, one after the other; more than one after a lack of memory."""
    used_s: float = 0.0
    """Of the time budget, when this was saved."""
    left_at: float = 0.0
    """Unix time of a save that the run went on from: if it died later, the time since then is used up too. 0 where
    the run was handed back in order: it may wait as long as it will."""

    @property
    def position(self) -> tuple[int, int]:
        """Completed epochs, completed steps of the next one."""
        return self.epoch, self.step

    @property
    def evaluated_network(self) -> ResNet9:
        """The network whose weights are scored and published."""
        is_average_fair = self.steps_made >= _STEPS_TO_AVERAGE
        return self.average.network if self.average and is_average_fair else self.network

    def copy_evaluated_weights(self) -> dict[str, Tensor]:
        """A copy of the judged network's weights."""
        return {name: tensor.clone() for name, tensor in published_weights(self.evaluated_network).items()}


def initial_state(
    spec: ResolvedSpec,
    recipe: Recipe,
    data: TrainingData,
    steps_per_epoch: int,
    device: Device,
    *,
    start: Callable[[ResNet9], None] | None = None,
) -> RunState:
    """A run before its first step: a function of the spec, the images and what `start` does to the network."""
    seed_step(spec.seed, _START, 0)
    network = initialise_network(recipe, len(data.facts.classes))
    network = network.to(device.torch_device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    whitening = _start_whitening(network, data) if recipe.whiten_input else None
    if start:
        start(network)
    optimizer = make_optimizer(network, recipe)
    if device.uses_cuda_graphs:
        keep_rates_on_device(optimizer, device.torch_device)
    horizon_steps = recipe.average_epochs * steps_per_epoch
    return RunState(
        network=network,
        optimizer=optimizer,
        average=WeightAverage(network, horizon_steps) if horizon_steps else None,
        whitening=whitening,
        sums=torch.zeros(4, dtype=torch.float64, device=device.torch_device),
    )


def _start_whitening(network: ResNet9, data: TrainingData) -> Whitening:
    images_NHWC = data.train.images_NHWC
    count = max(_LEAST_PATCH_IMAGES, _PATCH_PIXELS // (images_NHWC.shape[1] * images_NHWC.shape[2]))
    # Evenly over the set: its images lie class by class.
    evenly = torch.linspace(0, len(images_NHWC) - 1, min(count, len(images_NHWC))).long()
    sample_NHWC = images_NHWC[evenly.to(images_NHWC.device)]
    whitening = Whitening(network, whitening_matrix(data.normalisation.apply(sample_NHWC)))
    whitening.start()
    return whitening
