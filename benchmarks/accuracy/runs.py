"""Single trainings for the studies, each recorded as one JSON line; the file of lines tells which runs are done."""

import argparse
import json
import math
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from model.artifact.trained_model import TrainedModel
from model.host.allocator import restart_with_allocator_settings
from model.host.cpus import cpu_quota
from model.network.flops import training_flop
from model.recipes.progressive_resizing import image_side_at
from model.recipes.recipe import Recipe, recipe_of
from model.recipes.resolved_recipe import describe_recipe
from model.recipes.schedule import steps_per_epoch
from model.spec import ResolvedSpec
from model.storage.interface import Storage
from model.storage.opening import open_storage
from model.training.reporter import Command
from model.training.request import TrainingRequest
from model.training.training import run_training

Lines = list[dict[str, Any]]
"""The recorded runs, one dictionary per JSON line."""

VERSIONS = {"torch": torch.__version__, "python": sys.version.split()[0]}


class SilentReporter:
    """A reporter that discards every report and never stops the training."""

    phase = progress = epoch = checkpoint = rewind = staticmethod(lambda *_: None)
    next_command = staticmethod(lambda: Command.CONTINUE)


def storage_of(folder: Path) -> Storage:
    """Return the storage inside the study's folder."""
    return open_storage((folder / "storage").as_uri())


def device_kind(device: str) -> str:
    """Return `cpu` or `cuda`."""
    return torch.device(device).type


def device_name(device: str) -> str:
    """Return the device name for a line: `cpu`, or the product name of the GPU."""
    return device if device_kind(device) == "cpu" else torch.cuda.get_device_name(device)


def train(
    spec: ResolvedSpec, folder: Path, device: str = "cpu", recipe: Recipe | None = None
) -> TrainedModel:
    """Train a model; `recipe` replaces the recipe that the spec names."""
    request = TrainingRequest(
        spec=spec,
        checkpoint_prefix="checkpoints/study",
        resume_from=None,
        devices=(device,),
        threads=cpu_quota(),
        cache_dir=folder / "cache",
        storage=storage_of(folder),
        checkpoint_every_s=math.inf,
        step_checkpoint_every_s=math.inf,
        recipe=describe_recipe(spec.recipe, recipe or recipe_of(spec)),
    )
    return run_training(request, SilentReporter())


def image_flop(recipe: Recipe, spec: ResolvedSpec, images: int) -> dict[int, float]:
    """Return the floating-point operations of a training by image side in pixels."""
    total_steps = steps_per_epoch(images, spec.batch_size) * spec.epochs
    spent: dict[int, float] = defaultdict(float)
    for step in range(total_steps):
        side = image_side_at(recipe, step / total_steps, spec.image_size)
        spent[side] += training_flop(side) * images * spec.epochs / total_steps
    return dict(spent)


def image_pflop(spec: ResolvedSpec, train_images: int, epochs: int) -> float:
    """Return the floating-point operations of `epochs` epochs over the training images, in units of 10¹⁵."""
    images = round(train_images * (1 - spec.validation_fraction))
    planned = sum(image_flop(recipe_of(spec), spec, images).values())
    return planned * epochs / spec.epochs / 1e15


def read_lines(path: Path) -> Lines:
    """Read the recorded runs; none when the file is missing."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Append a run with the versions of torch and Python."""
    with path.open("a") as out:
        out.write(json.dumps({**line, **VERSIONS}) + "\n")


def run_study(
    parser: argparse.ArgumentParser,
    out: Path,
    table: Callable[[Lines], Iterable[str]],
    work: Callable[[argparse.Namespace, Path], None],
) -> None:
    """Add the options that all studies share, then print the table or make the missing runs in a temporary folder.

    Args:
        parser: has the study's own options already.
        out: default of `--out`, the file of lines.
        table: renders lines as Markdown.
        work: makes the runs whose lines are missing, given the options and the temporary folder.
    """
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0])
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--device", default="cpu", help="or cuda:0")
    parser.add_argument(
        "--table", action="store_true", help="print the recorded runs as a table; train nothing"
    )
    options = parser.parse_args()
    if options.table:
        print("\n".join(table(read_lines(options.out))))
        return
    restart_with_allocator_settings()
    with tempfile.TemporaryDirectory() as folder:
        work(options, Path(folder))
