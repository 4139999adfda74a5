"""Trainings for studies: one at a time, silent, each a line of JSON in a file that says what was run already."""

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

from model.host.allocator import keep_big_blocks
from model.host.cpus import cpu_quota
from model.network.flops import training_flop
from model.recipes.recipe import Recipe, recipe_of, side_at
from model.recipes.schedule import steps_per_epoch
from model.spec import ResolvedSpec
from model.storage import Storage, open_storage
from model.training.reporter import Command
from model.training.training import TrainedModel, TrainingRequest, run_training

Lines = list[dict[str, Any]]
"""Runs, as they are remembered."""

VERSIONS = {"torch": torch.__version__, "python": sys.version.split()[0]}


class Quiet:
    """A reporter that hears all, says nothing and lets nobody interfere."""

    phase = progress = epoch = checkpoint = rewind = staticmethod(lambda *_: None)
    gate = staticmethod(lambda: Command.CONTINUE)


def storage_of(folder: Path) -> Storage:
    """A storage of the study's own."""
    return open_storage((folder / "storage").as_uri())


def device_kind(device: str) -> str:
    """`cpu` or `cuda`."""
    return torch.device(device).type


def device_name(device: str) -> str:
    """What a line says that it ran on: `cpu`, or the GPU's own name."""
    return device if device_kind(device) == "cpu" else torch.cuda.get_device_name(device)


def train(
    spec: ResolvedSpec, folder: Path, device: str = "cpu", recipe: Recipe | None = None
) -> TrainedModel:
    """The trained model; a recipe takes the place of the spec's own."""
    request = TrainingRequest(
        spec=spec,
        out_prefix="checkpoints/study",
        resume_from=None,
        devices=(device,),
        threads=cpu_quota(),
        cache_dir=folder / "cache",
        storage=storage_of(folder),
        checkpoint_every_s=math.inf,
        step_checkpoint_every_s=math.inf,
        recipe=recipe,
    )
    return run_training(request, Quiet())


def image_flop(recipe: Recipe, spec: ResolvedSpec, images: int) -> dict[int, float]:
    """Floating-point operations spent on images of each side in pixels."""
    total = steps_per_epoch(images, spec.batch_size) * spec.epochs
    spent: dict[int, float] = defaultdict(float)
    for step in range(total):
        side = side_at(recipe, step / total, spec.image_size)
        spent[side] += training_flop(side) * images * spec.epochs / total
    return dict(spent)


def image_pflop(spec: ResolvedSpec, train_images: int, epochs: int) -> float:
    """Floating-point operations that so many epochs spent on training images, in 10¹⁵."""
    images = round(train_images * (1 - spec.validation_fraction))
    whole = sum(image_flop(recipe_of(spec), spec, images).values())
    return whole * epochs / spec.epochs / 1e15


def read_lines(path: Path) -> Lines:
    """The runs that were made so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_line(path: Path, line: dict[str, Any]) -> None:
    """Remember a run."""
    with path.open("a") as out:
        out.write(json.dumps({**line, **VERSIONS}) + "\n")


def run_study(
    parser: argparse.ArgumentParser,
    out: Path,
    table: Callable[[Lines], Iterable[str]],
    work: Callable[[argparse.Namespace, Path], None],
) -> None:
    """Declare what every study is asked for; then print its table, or do its work in a folder of its own.

    Args:
        parser: with the study's own options; `seeds` becomes a list.
        out: where its lines are, unless told otherwise.
        table: what lines look like in Markdown.
        work: adds the lines that are not there yet.
    """
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0])
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--device", default="cpu", help="or cuda:0")
    parser.add_argument("--table", action="store_true", help="only print what the lines say")
    options = parser.parse_args()
    if options.table:
        print("\n".join(table(read_lines(options.out))))
        return
    keep_big_blocks()
    with tempfile.TemporaryDirectory() as folder:
        work(options, Path(folder))
