"""Randomness as a function of (seed, epoch, step), so that a resumed run replays exactly."""

import hashlib

import torch
from torch import Tensor

_ORDER = -1
_FLIPS = -2


def derive_seed(seed: int, *position: int) -> int:
    """A 63-bit seed that differs for every position."""
    text = "/".join(map(str, (seed, *position)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def seed_step(seed: int, epoch: int, step: int, rank: int = 0) -> None:
    """Seed torch's generators for one step: augmentation and dropout draw from them."""
    torch.manual_seed(derive_seed(seed, epoch, step, *([rank] if rank else [])))


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """The order in which an epoch visits its images: int64 [count]."""
    return torch.randperm(count, generator=_generator(seed, epoch, _ORDER))


def first_flips(seed: int, count: int) -> Tensor:
    """Which images are mirrored in even epochs; in odd ones it is the others: bool [count]."""
    return torch.rand(count, generator=_generator(seed, _FLIPS)) < 0.5


def _generator(seed: int, *position: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, *position))
