"""A script: visits the images of a training with less memory than they take."""

import resource
import sys
from pathlib import Path

import torch

from model.data.opening import find_facts
from model.data.prepared.dataset import prepare_dataset
from model.device.device import open_device
from model.evaluation.predictions import predict_logits
from model.recipes.defaults import resolve
from model.spec import JobSpec
from model.storage.opening import open_storage
from model.training.training_data import load_training_data

SIDE = 224
BATCH = 64
ALLOWED_SHARE = 0.5
"""Of the size of the images; chunks of them are normalised in float64, which takes most of it."""


class MeanColours(torch.nn.Module):
    """A network that needs hardly any memory."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        colours: torch.Tensor = images.mean((2, 3))
        return colours


def main() -> None:
    cache_dir = Path(sys.argv[1])
    storage = open_storage((cache_dir / "storage").as_uri())
    facts = find_facts("digits", storage)
    spec, _ = resolve(JobSpec(dataset="digits", image_size=SIDE, batch_size=BATCH), facts, "cpu")
    prepared = prepare_dataset("digits", SIDE, spec.resize, storage, cache_dir)
    size = prepared.train.images.size_bytes + prepared.test.images.size_bytes
    allowed = int(ALLOWED_SHARE * size)
    device = open_device("cpu", 1)
    pages = int(Path("/proc/self/statm").read_text().split()[5])  # of private memory
    limit = pages * resource.getpagesize() + allowed
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    data = load_training_data(spec, storage, cache_dir, device)
    for batch_N in torch.split(torch.randperm(len(data.train)), BATCH):
        assert len(data.train.images_NHWC[batch_N]) == len(batch_N)
    for split in (data.train, data.validation, data.test):
        logits = predict_logits(MeanColours(), split.images_NHWC, data.normalisation, device)
        assert len(logits) == len(split)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    assert grown < allowed, f"the resident memory grew by {grown} bytes, the images have {size}"


if __name__ == "__main__":
    main()
