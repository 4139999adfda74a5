"""Trainings for studies: one at a time, silent, each a line of JSON in a file that says what was run already."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import torch

from model.cpus import cpu_quota
from model.recipe import Recipe
from model.reporter import Command
from model.spec import ResolvedSpec
from model.storage import Storage, open_storage
from model.training import TrainedModel, TrainingRequest, run_training

VERSIONS = {"torch": torch.__version__, "python": sys.version.split()[0]}


class Quiet:
    """A reporter that hears all, says nothing and lets nobody interfere."""

    phase = progress = epoch = checkpoint = rewind = staticmethod(lambda *_: None)
    gate = staticmethod(lambda: Command.CONTINUE)


def storage_of(folder: Path) -> Storage:
    """A storage of the study's own."""
    return open_storage((folder / "storage").as_uri())


def train(spec: ResolvedSpec, folder: Path, recipe: Recipe | None = None) -> TrainedModel:
    """The trained model; a recipe takes the place of the spec's own."""
    request = TrainingRequest(
        spec=spec,
        out_prefix="checkpoints/study",
        resume_from=None,
        devices=("cpu",),
        threads=cpu_quota(),
        cache_dir=folder / "cache",
        storage=storage_of(folder),
        checkpoint_every_s=math.inf,
        step_checkpoint_every_s=math.inf,
        recipe=recipe,
    )
    return run_training(request, Quiet())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The runs that were made so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Remember a run."""
    with path.open("a") as out:
        out.write(json.dumps({**line, **VERSIONS}) + "\n")
