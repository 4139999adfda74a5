"""Serves a published network with BentoML, as its documentation shows it.

WEIGHTS=FILE CLASSES=10 IMAGE_SIZE=32 bentoml serve benchmarks.serving.bentoml_server:ImageService --port 8002
"""

import os
from pathlib import Path

import bentoml
import torch

from benchmarks.serving.torch_network import TorchNetwork


@bentoml.service(workers=1, traffic={"timeout": 60})
class ImageService:
    """An image in, its scores out."""

    def __init__(self) -> None:
        weights = Path(os.environ["WEIGHTS"])
        self._network = TorchNetwork(weights, int(os.environ["CLASSES"]), int(os.environ["IMAGE_SIZE"]))

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=60_000)
    def predict(self, files: list[Path]) -> list[list[float]]:
        """Classify a batch that the framework formed."""
        return self._network.scores(torch.stack([self._network.decode(file.read_bytes()) for file in files]))
