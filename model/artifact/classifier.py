"""Loads a published model and classifies images with it on a GPU. Knows no image files and no sockets."""
# ruff: noqa: N803 - shapes in names: images_NHWC

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.artifact.images import check_images, warm_up_images
from model.artifact.manifest import Manifest
from model.artifact.precision import Precision
from model.artifact.weights import load_network
from model.device.device import is_out_of_memory
from model.network.normalisation import Normalisation
from model.network.resnet9 import ConvNorm, ResNet9
from model.storage.interface import Storage

_MAX_BATCH = 64
_BATCH_PIXELS = 64 * 96 * 96
"""The first layer needs 256 bytes per pixel and the second 512."""


class Classifier:
    """The network of a model, with its normalisation and temperature."""

    def __init__(self, network: ResNet9, manifest: Manifest, device: torch.device) -> None:
        self._network = fuse_network(network).to(device).to(memory_format=torch.channels_last)
        self._size = manifest.preprocessing.image_size
        self._normalisation = Normalisation(manifest.preprocessing.mean, manifest.preprocessing.std)
        self._temperature = manifest.temperature
        self._device = device
        self.precision = Precision.FLOAT32

    @classmethod
    def load(cls, storage: Storage, manifest: Manifest, device: str) -> "Classifier":
        """Read and check the weights of a model, and classify once so that the first request is as fast as later ones.

        Raises:
            CorruptArtifactError: the stored weights are damaged or differ from the published ones.
            StorageError: the weights cannot be read.
            MemoryError: memory does not suffice.
        """
        network = load_network(storage, manifest)
        with _translated_memory_error():
            classifier = cls(network, manifest, torch.device(device))
        for images_NHWC in warm_up_images(manifest.preprocessing.image_size):
            classifier.classify(images_NHWC)
        return classifier

    @torch.inference_mode()
    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the calibrated probabilities as float32 [N, classes]; raises MemoryError.

        Args:
            images_NHWC: uint8 images of the model's size, made by `model.data.images.resize_image`.
        """
        check_images(images_NHWC, self._size)
        images = torch.from_numpy(np.require(images_NHWC, requirements=["C", "W"]))
        batch_size = min(_MAX_BATCH, max(1, _BATCH_PIXELS // self._size**2))
        with _translated_memory_error():
            probabilities = [
                self._classify_batch(batch_NHWC) for batch_NHWC in torch.split(images, batch_size)
            ]
            result: NDArray[np.float32] = torch.cat(probabilities).numpy()
        return result

    def _classify_batch(self, images_NHWC: Tensor) -> Tensor:
        logits_NK = self._network(self._normalisation.apply(images_NHWC.to(self._device)))
        return torch.softmax(logits_NK.float() / self._temperature, dim=1).cpu()


@contextmanager
def _translated_memory_error() -> Iterator[None]:
    """Raise a lack of memory on any device as MemoryError."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise MemoryError(str(error)) from None
        raise


def fuse_network(network: ResNet9) -> ResNet9:
    """Fold each batch norm into the preceding convolution, in place: the same outputs with fewer passes over memory."""
    network.eval().requires_grad_(False)
    for block in [module for module in network.modules() if isinstance(module, ConvNorm)]:
        block.conv = fuse_conv_bn_eval(block.conv, block.norm)
        block.add_module("norm", nn.Identity())
    return network
