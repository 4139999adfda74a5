"""Derives every random number from (seed, epoch, step, rank), so that a resumed training repeats the same steps."""

import hashlib

import torch
from torch import Tensor

_ORDER = -1
_FLIPS = -2
"""Negative positions, so that they never coincide with an epoch or a step."""


def derive_seed(seed: int, *position: int) -> int:
    """Return a 63-bit seed that is different for every position, a hash of seed and position."""
    text = "/".join(map(str, (seed, *position)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def seed_step(seed: int, epoch: int, step: int, rank: int = 0) -> None:
    """Seed PyTorch's global generators for one step; augmentation and dropout draw from them."""
    torch.manual_seed(derive_seed(seed, epoch, step, *([rank] if rank else [])))


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """Return the random order in which an epoch visits `count` images: int64 [count]."""
    return torch.randperm(count, generator=_generator(seed, epoch, _ORDER))


def first_flips(seed: int, count: int) -> Tensor:
    """Return which images are mirrored in even epochs, bool [count]; odd epochs mirror the others."""
    return torch.rand(count, generator=_generator(seed, _FLIPS)) < 0.5


def _generator(seed: int, *position: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, *position))
