"""What one attempt at a training is asked for. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.recipes.recipe import Recipe
from model.spec import ResolvedSpec
from model.storage.interface import Storage


@dataclass(frozen=True)
class TrainingRequest:
    """One attempt at a training."""

    spec: ResolvedSpec
    checkpoint_prefix: str
    """Storage key under which this attempt's checkpoints go."""
    resume_from: str | None
    """Storage key of an earlier attempt's checkpoint."""
    devices: tuple[str, ...]
    """One for each process that trains: `cpu`, `cuda:0`."""
    threads: int
    """Of this process, on CPUs."""
    cache_dir: Path
    storage: Storage
    checkpoint_every_s: float = 30.0
    """At an epoch's end, when so long has passed since the last."""
    step_checkpoint_every_s: float = 300.0
    """Within an epoch."""
    micro_batches: int = 1
    """In so many parts, at the least, a batch goes through the network."""
    pauses: Sequence[tuple[float, float]] = ()
    """From when to when, in Unix time, the job was paused: that is not part of a time budget."""
    fallback_checkpoints: Sequence[str] = ()
    """Storage keys of earlier checkpoints, the newest first, should `resume_from` be damaged."""
    recipe: Recipe | None = None
    """Another than the spec's own, for studies."""
