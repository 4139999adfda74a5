"""`python -m model train`: from a dataset to weights and manifest in a folder, with no service."""

import argparse
import logging
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, unregistered_manifest
from model.commands.console import open_console
from model.commands.tensorboard import with_tensorboard
from model.data.built_in import BUILT_IN
from model.data.importing import import_dataset
from model.data.opening import find_facts
from model.errors import ModelError
from model.host.allocator import restart_with_allocator_settings
from model.host.cache_folder import default_cache_dir
from model.host.cpus import cpu_quota, limit_openmp_spinning
from model.recipes.defaults import resolve
from model.spec import Augmentation, ClassWeighting, DatasetFacts, JobSpec, RecipeName, Resize, ResolvedSpec
from model.storage.interface import Storage
from model.storage.opening import open_storage
from model.training.request import TrainingRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from model.artifact.trained_model import TrainedModel

_SPEC_OPTIONS: tuple[tuple[str, type], ...] = (
    ("recipe", RecipeName),
    ("epochs", int),
    ("batch_size", int),
    ("learning_rate", float),
    ("weight_decay", float),
    ("label_smoothing", float),
    ("image_size", int),
    ("resize", Resize),
    ("augmentation", Augmentation),
    ("class_weighting", ClassWeighting),
    ("validation_fraction", float),
    ("seed", int),
)


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; those of the spec are chosen from the dataset when left out."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="PATH", help="a folder or zip of images")
    source.add_argument("--dataset", metavar="NAME", help="a built-in dataset: " + ", ".join(BUILT_IN))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the model goes")
    for name, kind in _SPEC_OPTIONS:
        choices = list(kind) if issubclass(kind, StrEnum) else None
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, choices=choices)
    parser.add_argument("--horizontal-flip", action=argparse.BooleanOptionalAction)
    parser.add_argument(
        "--device",
        help="cpu or cuda; several, each with its share of every batch: cuda:0,cuda:1; a GPU when there is one",
    )
    parser.add_argument("--threads", type=int, default=cpu_quota(), help="on CPUs; default: %(default)s")
    parser.add_argument("--cache-dir", type=Path, default=default_cache_dir())
    parser.add_argument("--json", action="store_true", help="one metrics row a line, then the test scores")


def train(arguments: argparse.Namespace) -> int:
    """Train as the arguments say and return the exit status."""
    restart_with_allocator_settings()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        _train(arguments)
    except ValidationError as error:
        return _complain(error.errors())
    except ModelError as error:
        print(f"{error.code}: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _train(arguments: argparse.Namespace) -> None:
    storage = open_storage((arguments.cache_dir / "storage").absolute().as_uri())
    facts = _find_dataset(arguments, storage)
    job = _job_spec(arguments, facts)
    # Importing torch takes seconds: only once the arguments are known to be good.
    limit_openmp_spinning()
    from model.training.training import run_training  # noqa: PLC0415 - see above

    devices = tuple((arguments.device or _best_device()).split(","))
    spec, warnings = resolve(job, facts, devices[0].partition(":")[0])
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - the command's answer
    request = TrainingRequest(
        spec=spec,
        out_prefix="checkpoints/command",
        resume_from=None,
        devices=devices,
        threads=arguments.threads,
        cache_dir=arguments.cache_dir,
        storage=storage,
        checkpoint_every_s=float("inf"),
        step_checkpoint_every_s=float("inf"),
    )
    with open_console(spec, as_json=arguments.json) as console:
        trained = run_training(request, with_tensorboard(console, arguments.out / "tensorboard"))
    manifest = _write_model(trained, spec, arguments.out)
    console.result(manifest)


def _write_model(trained: "TrainedModel", spec: ResolvedSpec, folder: Path) -> Manifest:
    from model.artifact.staging import describe_model, serialise_weights  # noqa: PLC0415 - torch is lazy here

    weights = serialise_weights(trained)
    manifest = unregistered_manifest(describe_model(trained, weights), "local", spec.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _find_dataset(arguments: argparse.Namespace, storage: Storage) -> DatasetFacts:
    if arguments.dataset:
        return find_facts(arguments.dataset, storage)
    name = re.sub(r"[^a-z0-9._-]+", "-", arguments.data.absolute().stem.lower()).strip("-._")[:64]
    return import_dataset(arguments.data, storage, name or "images").facts


def _job_spec(arguments: argparse.Namespace, facts: DatasetFacts) -> JobSpec:
    names = [*(name for name, _ in _SPEC_OPTIONS), "horizontal_flip"]
    given = {name: getattr(arguments, name) for name in names}
    return JobSpec(dataset=facts.id, **{name: value for name, value in given.items() if value is not None})


def _best_device() -> str:
    import torch  # noqa: PLC0415 - torch is lazy here

    return "cuda" if torch.cuda.is_available() else "cpu"


def _complain(errors: Sequence["ErrorDetails"]) -> int:
    for error in errors:
        option = "-".join(map(str, error["loc"])).replace("_", "-")
        print(f"--{option} {error['input']}: {error['msg']}", file=sys.stderr)  # noqa: T201 - the answer
    return 2
