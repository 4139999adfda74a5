"""Predicts the logits of a set of images, in batches that fit into memory."""
# ruff: noqa: N803 - shapes in names: images_NCHW

from collections.abc import Callable

import torch
from torch import Tensor, nn

from model.device.device import Device, is_out_of_memory
from model.network.images import Images
from model.network.normalisation import Normalisation

BATCH_PIXELS = 512 * 32 * 32
"""Pixels of a batch: 512 images of 32 px. Larger batches are no faster and use more memory."""


@torch.inference_mode()
def predict_logits(
    network: nn.Module,
    images_NHWC: Images,
    normalisation: Normalisation,
    device: Device,
    *,
    with_flips: bool = False,
) -> Tensor:
    """Return the logits_NK of uint8 images as float32.

    Args:
        network: is switched to evaluation mode and stays in that mode.
        images_NHWC: one image at least.
        normalisation: of the model's training images.
        device: provides autocast.
        with_flips: average the logits of each image and of its mirror image (test-time augmentation).
    """
    network.eval()
    batch_size = max(1, BATCH_PIXELS // (images_NHWC.shape[1] * images_NHWC.shape[2]))

    def logits_of(batch_NHWC: Tensor) -> Tensor:
        batch_NCHW = normalisation.apply(batch_NHWC)
        with device.autocast():
            logits_NK: Tensor = network(batch_NCHW).float()
            if with_flips:
                logits_NK = (logits_NK + network(batch_NCHW.flip(3)).float()) / 2
        return logits_NK

    return _predict_in_batches(logits_of, images_NHWC, batch_size, device)


def _predict_in_batches(
    logits_of: Callable[[Tensor], Tensor], images_NHWC: Images, batch_size: int, device: Device
) -> Tensor:
    """Predict batch by batch; when a batch does not fit into memory, start again with half the batch size."""
    batch_size = max(1, min(batch_size, len(images_NHWC)))
    try:
        return torch.cat(
            [
                logits_of(images_NHWC[start : start + batch_size])
                for start in range(0, len(images_NHWC), batch_size)
            ]
        )
    except RuntimeError as error:
        if batch_size <= 1 or not is_out_of_memory(error):
            raise
    device.release_memory()
    return _predict_in_batches(logits_of, images_NHWC, batch_size // 2, device)
