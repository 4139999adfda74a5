"""One training step: from the indices of a batch's images to updated weights."""
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
    """Makes training steps. All randomness of a step is a function of (seed, epoch, step, rank)."""

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
        self._spec, self._recipe = spec, recipe
        self._data, self._state, self._device, self._rank = data, state, device, rank
        self._network = rank.data_parallel(state.network)
        self._schedule = make_schedule(recipe, total_steps, spec.progress_before)
        self._augment = Augment(spec.augmentation, recipe.translate, recipe.cutout, recipe.reflect_padding)
        self._first_flips_N = device.place(first_flips(spec.seed, len(data.train)))
        self._class_weights_K = _class_weights(spec, data)
        self._graphs = CudaGraphs(enabled=device.uses_cuda_graphs and rank.world_size == 1)

    @property
    def graph_count(self) -> int:
        """Number of recorded CUDA graphs."""
        return len(self._graphs)

    def __call__(self, batch_N: Tensor, progress: float) -> None:
        """Update the weights once.

        Args:
            batch_N: int64 indices of training images, on the host.
            progress: completed share of the training, 0 to below 1.
        """
        state = self._state
        seed_step(self._spec.seed, state.epoch, state.step, self._rank.index)
        set_learning_rate(state.optimizer, self._schedule.learning_rate(progress, state.steps_made))
        side = image_side_at(self._recipe, progress, self._spec.image_size)
        batch_on_device_N = self._device.place(batch_N)
        shard_N = self._rank.shard(batch_on_device_N)
        self._graphs.call(
            self._update_weights,
            side,
            self._loss_divisor(batch_on_device_N),
            shard_N,
            self._choose_flips(shard_N),
            self._take_images(self._rank.shard(batch_N), shard_N),
        )
        state.steps_made += 1
        if state.average:
            state.average.update(state.network, state.steps_made)

    def _take_images(self, on_host_N: Tensor, on_device_N: Tensor) -> Tensor:
        """Return the uint8 images of a shard, on the device; the indices on the host save waiting for the device."""
        started, images_NHWC = time.perf_counter(), self._data.train.images_NHWC
        taken_NHWC = images_NHWC[on_device_N if images_NHWC.device == on_device_N.device else on_host_N]
        self._state.data_s += time.perf_counter() - started
        return taken_NHWC

    def _update_weights(
        self,
        side: int,
        loss_divisor: float | Tensor,
        shard_N: Tensor,
        flips_N: Tensor,
        images_NHWC: Tensor,
    ) -> None:
        """Do the device's work of a step. Must not wait for the device or depend on computed values: see `CudaGraphs`.

        Args:
            side: side of the images in pixels.
            loss_divisor: divides the summed loss of the whole batch.
            shard_N: indices of this rank's images.
            flips_N: bool, which of these images to mirror.
            images_NHWC: these images, uint8.
        """
        state = self._state
        state.optimizer.zero_grad()
        started = time.perf_counter()
        images_NCHW = self._augment(images_NHWC, flips_N, self._data.normalisation)
        state.data_s += time.perf_counter() - started
        loss_scale = self._device.loss_scale
        sums = self._compute_gradients(shrink(images_NCHW, side), shard_N, loss_divisor / loss_scale)
        gradients = [p.grad for p in state.network.parameters() if p.grad is not None]
        if loss_scale != 1:
            torch._foreach_div_(gradients, loss_scale)
        if state.whitening:
            state.whitening.precondition_gradient()
        norm = get_total_norm(gradients)
        if loss_scale != 1:
            norm = zero_on_overflow(gradients, norm)
        state.optimizer.step()
        state.sums += torch.cat([self._rank.sum_over_ranks(sums), norm.double()[None]])

    def _loss_divisor(self, batch_N: Tensor) -> float | Tensor:
        """Return the divisor that makes the summed loss of a whole batch its (weighted) mean."""
        if self._class_weights_K is None:
            return len(batch_N)
        return self._class_weights_K[self._data.train.labels_N[batch_N]].sum()

    def _compute_gradients(
        self, images_NCHW: Tensor, shard_N: Tensor, loss_divisor: float | Tensor
    ) -> Tensor:
        """Accumulate the gradients of the shard over its micro-batches; use more of them when memory runs out.

        Returns:
            Sums over the shard, float64 [3]: cross-entropy, correct predictions, images.
        """
        state = self._state
        while True:
            try:
                return torch.stack(list(self._micro_batch_sums(images_NCHW, shard_N, loss_divisor))).sum(0)
            except RuntimeError as error:
                # No second try while other ranks wait for the gradients of this one.
                if not is_out_of_memory(error) or self._rank.world_size > 1 or self._graphs.is_recording:
                    raise
                if not self._graphs.release():
                    if 2 * state.micro_batches > len(shard_N):
                        raise
                    self._double_micro_batches(len(shard_N))
            state.optimizer.zero_grad()
            self._device.release_memory()

    def _double_micro_batches(self, images: int) -> None:
        self._state.micro_batches *= 2
        _log.warning(
            "out of memory: from here on a batch is split into %d micro-batches of %d images; batch norm statistics are "
            "computed over a micro-batch",
            self._state.micro_batches,
            -(-images // self._state.micro_batches),
        )

    def _micro_batch_sums(
        self, images_NCHW: Tensor, shard_N: Tensor, loss_divisor: float | Tensor
    ) -> Iterator[Tensor]:
        labels_N = self._data.train.labels_N[shard_N]
        count = min(self._state.micro_batches, len(shard_N))
        micro_batches = list(
            zip(
                images_NCHW.tensor_split(count),
                labels_N.tensor_split(count),
                shard_N.tensor_split(count),
                strict=True,
            )
        )
        for micro_images_NCHW, micro_labels_N, indices_N in micro_batches[:-1]:
            with no_sync(self._network):
                yield self._backward(micro_images_NCHW, micro_labels_N, indices_N, loss_divisor)
        yield self._backward(*micro_batches[-1], loss_divisor)

    def _backward(
        self, images_NCHW: Tensor, labels_N: Tensor, indices_N: Tensor, loss_divisor: float | Tensor
    ) -> Tensor:
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
        # DistributedDataParallel averages gradients over the ranks; the factor of world_size makes the average a sum.
        (loss * (self._rank.world_size / loss_divisor)).backward()  # type: ignore[no-untyped-call]
        logits_NK = logits_NK.detach()
        self._state.predictions.add(indices_N, logits_NK)
        # The reported loss is plain cross-entropy, without smoothing or weights, so that it compares with the
        # validation loss.
        plain_loss = functional.cross_entropy(logits_NK, labels_N, reduction="sum")
        correct = (logits_NK.argmax(1) == labels_N).sum()
        return torch.stack(
            [value.double() for value in (plain_loss, correct, torch.full_like(correct, len(labels_N)))]
        )

    def _choose_flips(self, shard_N: Tensor) -> Tensor:
        if not self._spec.horizontal_flip:
            return torch.zeros_like(shard_N, dtype=torch.bool)
        if not self._recipe.alternating_flip:
            return torch.rand(shard_N.shape, device=shard_N.device) < 0.5
        return self._first_flips_N[shard_N] ^ bool(self._state.epoch % 2)


def zero_on_overflow(gradients: list[Tensor], norm: Tensor) -> Tensor:
    """Set all gradients to 0 if one of them overflowed float16; return their norm, which is then 0 too.

    Skips the step like `torch.amp.GradScaler`, but without a copy to the host, which would wait for the GPU.
    """
    has_overflowed = ~norm.isfinite()
    for gradient in gradients:
        gradient.masked_fill_(has_overflowed, 0)
    return norm.masked_fill(has_overflowed, 0)


def warm_up(network: ResNet9, device: Device, images: int, side: int) -> None:
    """Run one forward and backward pass on blank images, so that no training step is slow. Leaves the network unchanged.

    Args:
        network: on the device.
        device: loads libraries and chooses kernels now.
        images: number of images in a micro-batch.
        side: of the images, in pixels.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    blank_NCHW = torch.zeros(images, 3, side, side, device=device.torch_device)
    network.train()
    try:
        with device.autocast():
            logits_NK = network(blank_NCHW.to(memory_format=torch.channels_last))
        logits_NK.float().sum().backward()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        device.release_memory()  # the first training step will split its batch into micro-batches
    network.zero_grad(set_to_none=True)
    network.load_state_dict(buffers, strict=False)


def _class_weights(spec: ResolvedSpec, data: TrainingData) -> Tensor | None:
    """Return the loss weight of each class, [K]: 1 / sqrt(images of the class), scaled to a mean of 1 over all images."""
    if spec.class_weighting is ClassWeighting.NONE:
        return None
    labels_N = data.train.labels_N
    ones_N = torch.ones_like(labels_N, dtype=torch.float32)
    counts_K = ones_N.new_zeros(len(data.facts.classes)).index_add_(0, labels_N, ones_N)
    weights_K = counts_K.clamp(min=1).rsqrt()
    return weights_K * counts_K.sum() / (weights_K * counts_K).sum()
