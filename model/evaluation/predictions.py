"""Scores a network on images that it was not trained on."""
# ruff: noqa: N803 - shapes in names: images_NCHW

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.device.device import Device, is_out_of_memory
from model.network.normalisation import Normalisation

_Z95 = 1.959964
# Pixels of a batch: 512 images of 32 px. Larger batches are no faster and hold more memory.
_BATCH_PIXELS = 512 * 32 * 32


@dataclass(frozen=True)
class Score:
    """How well logits fit labels."""

    loss: float
    accuracy: float
    balanced_accuracy: float
    """Mean of the accuracies of the classes that occur."""


@torch.inference_mode()
def predict_logits(
    network: nn.Module,
    images_NHWC: Tensor,
    normalisation: Normalisation,
    device: Device,
    *,
    with_flips: bool = False,
) -> Tensor:
    """Logits_NK in float32 of uint8 images; with flips the mean over an image and its mirror image."""
    network.eval()
    batch_size = max(1, _BATCH_PIXELS // (images_NHWC.shape[1] * images_NHWC.shape[2]))

    def logits_of(batch_NHWC: Tensor) -> Tensor:
        batch_NCHW = normalisation.apply(batch_NHWC)
        with device.autocast():
            logits_NK: Tensor = network(batch_NCHW).float()
            if with_flips:
                logits_NK = (logits_NK + network(batch_NCHW.flip(3)).float()) / 2
        return logits_NK

    return _in_parts(logits_of, images_NHWC, batch_size, device)


def _in_parts(
    logits_of: Callable[[Tensor], Tensor], images_NHWC: Tensor, size: int, device: Device
) -> Tensor:
    """The logits of all images, so many at once, or half as many where memory is too short for that."""
    size = max(1, min(size, len(images_NHWC)))
    try:
        return torch.cat([logits_of(part_NHWC) for part_NHWC in torch.split(images_NHWC, size)])
    except RuntimeError as error:
        if size <= 1 or not is_out_of_memory(error):
            raise
    device.release_memory()
    return _in_parts(logits_of, images_NHWC, size // 2, device)


def score(logits_NK: Tensor, labels_N: Tensor) -> Score:
    """Mean cross-entropy, accuracy and balanced accuracy."""
    is_right_N = (logits_NK.argmax(1) == labels_N).double()
    counts_K = torch.bincount(labels_N, minlength=logits_NK.shape[1])
    right_K = torch.bincount(labels_N, weights=is_right_N, minlength=logits_NK.shape[1])
    recalls = (right_K / counts_K)[counts_K > 0]
    loss = functional.cross_entropy(logits_NK.double(), labels_N)
    return Score(loss.item(), is_right_N.mean().item(), recalls.mean().item())


def wilson_interval(accuracy: float, count: int) -> tuple[float, float]:
    """95 % interval of a share of `count` images (Wilson 1927): right at 0, at 1 and for few images too."""
    centre = accuracy + _Z95**2 / (2 * count)
    margin = _Z95 * math.sqrt(accuracy * (1 - accuracy) / count + _Z95**2 / (4 * count**2))
    scale = 1 + _Z95**2 / count
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)
