"""Serves a published network with LitServe, as its documentation shows it.

python -m benchmarks.serving.litserve_server --weights FILE --classes 10 --image-size 32 --port 8001 --wait-ms 5
"""

import argparse
from pathlib import Path
from typing import Any

import litserve
import torch
from fastapi import UploadFile
from torch import Tensor

from benchmarks.serving.torch_network import TorchNetwork


class ImageApi(litserve.LitAPI):
    """An image in, its scores out."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(max_batch_size=32, batch_timeout=options.wait_ms / 1000)
        self._options = options

    def setup(self, device: Any) -> None:  # noqa: ARG002 - the signature of the framework
        """Load the network in the process that computes."""
        options = self._options
        self._network = TorchNetwork(options.weights, options.classes, options.image_size)

    def decode_request(self, request: UploadFile) -> Tensor:
        """Decode one image."""
        return self._network.decode(request.file.read())

    def batch(self, inputs: list[Tensor]) -> Tensor:
        """Make one batch of the images."""
        return torch.stack(inputs)

    def predict(self, x: Tensor) -> list[list[float]]:
        """Classify a batch, or one image."""
        return self._network.scores(x if x.ndim == 4 else x[None])

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """Return one answer for each image."""
        return output

    def encode_response(self, output: Any) -> dict[str, Any]:
        """Answer with the scores."""
        return {"scores": output}


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--image-size", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--wait-ms", type=float, default=5, help="for a batch of 32 to fill up")
    options = parser.parse_args()
    # With the package mcp and without fastmcp, which is so where Ninefold's packages are seen, 0.2.19 fails to start.
    litserve.server._MCP_AVAILABLE = False
    server = litserve.LitServer(ImageApi(options), accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
