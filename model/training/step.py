"""One training step: from the numbers of a batch's images to moved weights."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import logging
import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import get_total_norm

from model.device.cuda_graphs import CudaGraphs
from model.device.device import Device, is_out_of_memory
from model.device.ranks import Rank, no_sync
from model.network.resnet9 import ResNet9
from model.recipes.progressive_resizing import image_side_at
from model.recipes.recipe import Recipe
from model.recipes.schedule import make_schedule
from model.spec import ClassWeighting, ResolvedSpec
from model.training.augment import Augment, shrink
from model.training.optim.optimizer import set_learning_rate
from model.training.run_state import RunState
from model.training.seeding import first_flips, seed_step
from model.training.training_data import TrainingData

_log = logging.getLogger(__name__)


class TrainingStep:
    """Makes steps; everything random in one is a function of (seed, epoch, step, rank)."""

    def __init__(
        self,
        *,
        spec: ResolvedSpec,
        recipe: Recipe,
        total_steps: int,
        data: TrainingData,
        state: RunState,
        device: Device,
        rank: Rank,
    ) -> None:
        self._spec, self._recipe, self._total_steps = spec, recipe, total_steps
        self._data, self._state, self._device, self._rank = data, state, device, rank
        self._network = rank.data_parallel(state.network)
        self._schedule = make_schedule(recipe, total_steps)
        self._augment = Augment(spec.augmentation, recipe.translate, recipe.cutout, recipe.reflect_padding)
        self._first_flips_N = device.place(first_flips(spec.seed, len(data.train)))
        self._class_weights_K = _class_weights(spec, data)
        self._replays = CudaGraphs(records=device.uses_cuda_graphs and rank.world_size == 1)

    @property
    def recordings(self) -> int:
        """How many kinds of steps are replayed."""
        return len(self._replays)

    def __call__(self, batch_N: Tensor, progress: float) -> None:
        """Move the weights once.

        Args:
            batch_N: which training images, on the device.
            progress: how much of the run is done: 0 to below 1.
        """
        state = self._state
        seed_step(self._spec.seed, state.epoch, state.step, self._rank.index)
        set_learning_rate(state.optimizer, self._schedule.learning_rate(round(progress * self._total_steps)))
        own_N = self._rank.shard(batch_N)
        side = image_side_at(self._recipe, progress, self._spec.image_size)
        self._replays.call(self._move, side, self._weight_of(batch_N), own_N, self._flips(own_N))
        state.steps_made += 1
        if state.average:
            state.average.update(state.network, state.steps_made)

    def _move(self, side: int, weight: float | Tensor, own_N: Tensor, flips_N: Tensor) -> None:
        """All that a device does in a step: nothing here waits for it or depends on what it calculates.

        Args:
            side: of the images, in pixels.
            weight: what the loss of the whole batch is divided by.
            own_N: this rank's images of it.
            flips_N: which of them to mirror.
        """
        state = self._state
        state.optimizer.zero_grad(set_to_none=True)
        started = time.perf_counter()
        images_NCHW = self._augment(self._data.train.images_NHWC[own_N], flips_N, self._data.normalisation)
        state.data_s += time.perf_counter() - started
        scale = self._device.loss_scale
        sums = self._differentiate(shrink(images_NCHW, side), own_N, weight / scale)
        gradients = [p.grad for p in state.network.parameters() if p.grad is not None]
        if scale != 1:
            torch._foreach_div_(gradients, scale)
        if state.whitening:
            state.whitening.precondition()
        norm = get_total_norm(gradients)
        if scale != 1:
            norm = zero_on_overflow(gradients, norm)
        state.optimizer.step()
        state.sums += torch.cat([self._rank.sum_over_ranks(sums), norm.double()[None]])

    def _weight_of(self, batch_N: Tensor) -> float | Tensor:
        """What the loss of a whole batch is divided by."""
        if self._class_weights_K is None:
            return len(batch_N)
        return self._class_weights_K[self._data.train.labels_N[batch_N]].sum()

    def _differentiate(self, images_NCHW: Tensor, own_N: Tensor, weight: float | Tensor) -> Tensor:
        """Gradients of the batch, in as many parts as memory asks for; cross-entropy, right answers, images [3]."""
        state = self._state
        while True:
            try:
                return torch.stack(list(self._in_parts(images_NCHW, own_N, weight))).sum(0)
            except RuntimeError as error:
                # With others waiting for this one's gradients there is no second try.
                if not is_out_of_memory(error) or self._rank.world_size > 1 or self._replays.is_recording:
                    raise
                if not self._replays.give_up():
                    if 2 * state.micro_batches > len(own_N):
                        raise
                    self._halve(len(own_N))
            state.optimizer.zero_grad(set_to_none=True)
            self._device.release_memory()

    def _halve(self, images: int) -> None:
        self._state.micro_batches *= 2
        _log.warning(
            "out of memory: from here on a batch is taken in %d parts of %d images; batch norms see a part at a time",
            self._state.micro_batches,
            -(-images // self._state.micro_batches),
        )

    def _in_parts(self, images_NCHW: Tensor, own_N: Tensor, weight: float | Tensor) -> Iterator[Tensor]:
        labels_N = self._data.train.labels_N[own_N]
        count = min(self._state.micro_batches, len(own_N))
        parts = list(zip(images_NCHW.tensor_split(count), labels_N.tensor_split(count), strict=True))
        for part_NCHW, part_labels_N in parts[:-1]:
            with no_sync(self._network):
                yield self._backward(part_NCHW, part_labels_N, weight)
        yield self._backward(*parts[-1], weight)

    def _backward(self, images_NCHW: Tensor, labels_N: Tensor, weight: float | Tensor) -> Tensor:
        with self._device.autocast():
            logits_NK = self._network(images_NCHW)
        logits_NK = logits_NK.float()
        loss = functional.cross_entropy(
            logits_NK,
            labels_N,
            weight=self._class_weights_K,
            label_smoothing=self._spec.label_smoothing,
            reduction="sum",
        )
        (loss * (self._rank.world_size / weight)).backward()  # type: ignore[no-untyped-call]
        logits_NK = logits_NK.detach()
        # Plain cross-entropy, whatever the recipe minimises, so that it compares with the validation loss.
        plain_loss = functional.cross_entropy(logits_NK, labels_N, reduction="sum")
        right = (logits_NK.argmax(1) == labels_N).sum()
        return torch.stack(
            [value.double() for value in (plain_loss, right, torch.full_like(right, len(labels_N)))]
        )

    def _flips(self, own_N: Tensor) -> Tensor:
        if not self._spec.horizontal_flip:
            return torch.zeros_like(own_N, dtype=torch.bool)
        if not self._recipe.alternating_flip:
            return torch.rand(own_N.shape, device=own_N.device) < 0.5
        return self._first_flips_N[own_N] ^ bool(self._state.epoch % 2)


def zero_on_overflow(gradients: list[Tensor], norm: Tensor) -> Tensor:
    """Where one of the gradients was too large for float16 all become 0; the norm of what is left."""
    is_lost = ~norm.isfinite()
    for gradient in gradients:
        gradient.masked_fill_(is_lost, 0)
    return norm.masked_fill(is_lost, 0)


def warm_up(network: ResNet9, device: Device, images: int, side: int) -> None:
    """Send so many blank images there and back, so that no later batch is slow; the network stays as it was."""
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    blank_NCHW = torch.zeros(images, 3, side, side, device=device.torch_device)
    network.train()
    try:
        with device.autocast():
            logits_NK = network(blank_NCHW.to(memory_format=torch.channels_last))
        logits_NK.float().sum().backward()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        device.release_memory()  # the first step will take its batch in parts
    network.zero_grad(set_to_none=True)
    network.load_state_dict(kept, strict=False)


def _class_weights(spec: ResolvedSpec, data: TrainingData) -> Tensor | None:
    """One over the square root of each class's size, 1 on average over the images."""
    if spec.class_weighting is ClassWeighting.NONE:
        return None
    labels_N = data.train.labels_N
    ones_N = torch.ones_like(labels_N, dtype=torch.float32)
    counts_K = ones_N.new_zeros(len(data.facts.classes)).index_add_(0, labels_N, ones_N)
    weights_K = counts_K.clamp(min=1).rsqrt()
    return weights_K * counts_K.sum() / (weights_K * counts_K).sum()
