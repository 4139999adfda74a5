"""The request for one attempt at a training: plain data. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from model.storage.interface import Storage


@dataclass(frozen=True)
class TrainingRequest:
    """All inputs of one attempt at a training."""

    spec: ResolvedSpec
    checkpoint_prefix: str
    """Storage key prefix of this attempt's checkpoints."""
    resume_from: str | None
    """Storage key of an earlier attempt's checkpoint."""
    devices: tuple[str, ...]
    """The device of each training process: `cpu`, `cuda:0`."""
    threads: int
    """CPU threads of all training processes together."""
    cache_dir: Path
    """Local folder for prepared datasets."""
    storage: Storage
    cache_limits: CacheLimits = DEFAULT_LIMITS
    checkpoint_every_s: float = 30.0
    """Save a checkpoint at the end of an epoch when the last one is at least this old."""
    step_checkpoint_every_s: float = 300.0
    """Save a checkpoint within an epoch when the last one is at least this old."""
    micro_batches: int = 1
    """Least number of micro-batches into which each batch is split; the training splits further if memory runs out."""
    pauses: Sequence[tuple[float, float]] = ()
    """Start and end of each pause of the job, in Unix time. Pauses do not count towards a time budget."""
    fallback_checkpoints: Sequence[str] = ()
    """Storage keys of older checkpoints, newest first, to resume from if `resume_from` is damaged."""
    state_prefix: str | None = None
    """Start of the storage key of the training's last state, from which another training may continue; None: not kept."""
    continue_from: str | None = None
    """Storage key of the last state of the training that this one continues."""
    recipe: ResolvedRecipe | None = None
    """The recipe to train with, as the job stores it. None: the recipe that the spec names, as this version has it."""
