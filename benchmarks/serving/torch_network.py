"""What a user of another serving framework writes with PyTorch: image files to scores, with the network of a published model."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from model.network.resnet9 import ResNet9


class TorchNetwork:
    """A published network in evaluation mode, and the preparation of its images."""

    def __init__(self, weights_file: Path, classes: int, image_size: int) -> None:
        self._size = (image_size, image_size)
        network = ResNet9(classes)
        network.load_state_dict(load_file(weights_file))
        self._network = network.eval().to(memory_format=torch.channels_last)

    def decode(self, data: bytes) -> Tensor:
        """Return an image file as uint8 [3, side, side]."""
        image = Image.open(io.BytesIO(data)).convert("RGB").resize(self._size)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    @torch.inference_mode()
    def scores(self, images_NCHW: Tensor) -> list[list[float]]:  # noqa: N803 - its shape
        """Return one list of probabilities for each image."""
        normalised_NCHW = (images_NCHW.float() / 255 - 0.5) / 0.25
        logits_NK = self._network(normalised_NCHW.to(memory_format=torch.channels_last))
        probabilities: list[list[float]] = logits_NK.softmax(1).tolist()
        return probabilities
