"""`python -m model train`: trains on a dataset and writes weights and manifest to a folder, without any service."""

import argparse
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from model.commands.console import open_console
from model.commands.import_options import add_import_options, read_import_options
from model.commands.model_folder import check_folder, make_folder, write_model
from model.commands.tensorboard import with_tensorboard
from model.data.built_in.facts import BUILT_IN
from model.data.importing import import_dataset
from model.data.opening import find_facts
from model.data.record import DatasetRecord
from model.errors import (
    ModelError,
    RankDiedError,
    RankFailedError,
    UnfitSpecError,
)
from model.host.allocator import restart_with_allocator_settings
from model.host.cache_folder import default_cache_dir
from model.host.cpus import cpu_quota, limit_openmp_spinning
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec, TrainingSpec, legal_name
from model.storage.interface import Storage
from model.storage.opening import open_storage
from model.training.request import TrainingRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

EXAMPLE = "python -m model train --dataset digits --out digits-model"
FOLDER_EXAMPLE = "python -m model train --data photos/ --recipe thorough --epochs 20 --out photos-model"

SKIPPED_PRINTED = 20

_OTHER_FIELDS = ("gpus", "time_budget_s")
"""Fields of `TrainingSpec` without an option: `--device` names the devices, and only jobs have a time budget."""


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data", type=Path, metavar="PATH", help="a folder or zip with one folder of images per class"
    )
    add_import_options(parser)
    source.add_argument("--dataset", metavar="NAME", help="a built-in dataset: " + ", ".join(BUILT_IN))
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the model (model.safetensors, manifest.json) and its TensorBoard curves",
    )
    parser.add_argument("--force", action="store_true", help="replace the model in the folder of --out")
    parser.add_argument(
        "--device",
        help="cpu, cuda, or a list such as cuda:0,cuda:1, whose devices share every batch; default: a GPU if there is "
        "one, else cpu",
    )
    parser.add_argument(
        "--threads", type=int, default=cpu_quota(), help="CPU threads to train with; default: %(default)s"
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=default_cache_dir(),
        metavar="DIR",
        help="folder for downloads and prepared images; default: %(default)s",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per epoch, then one with the scores on the test images",
    )
    _add_spec_options(
        parser.add_argument_group(
            "training options",
            "An option that is left out is chosen from the dataset and the device; the seed is 0.",
        )
    )


def _add_spec_options(group: "argparse._ArgumentGroup") -> None:
    """Declare an option for each field of `TrainingSpec`, with its type and range."""
    schema = TrainingSpec.model_json_schema()
    for name in _spec_options():
        field = schema["properties"][name]
        field = field.get("anyOf", [field])[0]
        option = f"--{name.replace('_', '-')}"
        if "$ref" in field:
            choices = schema["$defs"][field["$ref"].rpartition("/")[2]]["enum"]
            group.add_argument(option, choices=choices)
        elif field["type"] == "boolean":
            group.add_argument(option, action=argparse.BooleanOptionalAction)
        else:
            kind = int if field["type"] == "integer" else float
            group.add_argument(option, type=kind, metavar="N", help=_range(field))


def _spec_options() -> list[str]:
    return [name for name in TrainingSpec.model_fields if name not in _OTHER_FIELDS]


def _range(field: dict[str, Any]) -> str:
    """Describe the limits that a JSON schema sets for a number, such as `1 to 1000`."""
    low = field["minimum"] if "minimum" in field else f"above {field['exclusiveMinimum']}"
    high = field["maximum"] if "maximum" in field else f"below {field['exclusiveMaximum']}"
    return f"{low} to {high}"


def run_train(arguments: argparse.Namespace) -> int:
    """Train with the given options and return the exit status."""
    restart_with_allocator_settings()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        _train(arguments)
    except ValidationError as error:
        return _print_errors(error.errors())
    except ModelError as error:
        print(f"{error.code}: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    except (RankDiedError, RankFailedError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _train(arguments: argparse.Namespace) -> None:
    check_folder(arguments.out, may_replace=arguments.force)
    storage = open_storage((arguments.cache_dir / "storage").absolute().as_uri())
    facts = _find_dataset(arguments, storage)
    job = _job_spec(arguments, facts)
    limit_openmp_spinning()
    devices = parse_devices(arguments.device or _best_device())
    job = job.model_copy(update={"gpus": len(devices)})
    spec, warnings = resolve(job, facts, devices[0].partition(":")[0])
    _warn(*warnings)
    make_folder(arguments.out)
    # Importing torch takes seconds, so it waits until the arguments are known to be valid.
    from model.training.training import run_training  # noqa: PLC0415 - see above

    request = TrainingRequest(
        spec=spec,
        checkpoint_prefix="checkpoints/command",
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
    manifest = write_model(trained, spec, arguments.out)
    console.result(manifest)


def _find_dataset(arguments: argparse.Namespace, storage: Storage) -> DatasetFacts:
    if arguments.dataset:
        return find_facts(arguments.dataset, storage)
    name = legal_name(arguments.data.absolute().stem)
    record = import_dataset(arguments.data, storage, name or "images", options=read_import_options(arguments))
    _print_findings(record)
    return record.facts


def _print_findings(record: DatasetRecord) -> None:
    """Print the warnings about an imported dataset, and the first files that were skipped."""
    lines = [f"warning: {warning}" for warning in record.warnings]
    lines += [f"skipped {file.path}: {file.reason}" for file in record.skipped[:SKIPPED_PRINTED]]
    if record.skipped_count > SKIPPED_PRINTED:
        lines.append(f"skipped {record.skipped_count - SKIPPED_PRINTED} more files")
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - the command's output


def _job_spec(arguments: argparse.Namespace, facts: DatasetFacts) -> JobSpec:
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return JobSpec(dataset=facts.id, **{name: given[name] for name in _spec_options() if name in given})


def parse_devices(setting: str) -> tuple[str, ...]:
    """Split a list of devices; raises UnfitSpecError when they cannot train together."""
    names = tuple(setting.split(","))
    are_gpus = all(re.fullmatch(r"cuda:\d+", name) for name in names) and len(set(names)) == len(names)
    if len(names) > 1 and not are_gpus and set(names) != {"cpu"}:
        raise UnfitSpecError(
            "device",
            f"{setting!r} are not devices that train together: use different GPUs, such as cuda:0,cuda:1, or cpu,cpu.",
        )
    return names


def _warn(*warnings: str) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201 - the command's output


def _best_device() -> str:
    import torch  # noqa: PLC0415 - imports torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _print_errors(errors: Sequence["ErrorDetails"]) -> int:
    for error in errors:
        option = "-".join(map(str, error["loc"])).replace("_", "-")
        print(f"--{option} {error['input']}: {error['msg']}", file=sys.stderr)  # noqa: T201 - the command's output
    return 2
