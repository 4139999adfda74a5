"""Measures the accuracy that the default settings reach on several datasets, and compares other settings with them.

    python -m benchmarks.accuracy.defaults DATA --cases few,mini --try '{"epochs":40}'

DATA is a folder with cifar10.zip, cifar10-5k.zip, cifar10-mini.zip and flowers.zip. A case is a dataset; without `--try`
the job names only the dataset, and each `--try` adds fields of the job. `"init_from": "CASE"` starts from the weights of
a model that the defaults trained on another case. Each run becomes one JSON line in `--out`; a run that has a line is not
repeated. `--table` prints the lines as a table. Scores are test accuracies; no choice within a run uses the test split.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cuts import Names, entries, write_cut
from benchmarks.accuracy.runs import (
    add_line,
    device_kind,
    device_name,
    image_pflop,
    read_lines,
    run_study,
    storage_of,
    train,
)
from model.artifact.manifest import MANIFEST_FILE, model_key, unregistered_manifest
from model.artifact.staging import stage_model
from model.artifact.trained_model import TrainedModel
from model.data.importing import import_dataset
from model.data.opening import find_facts
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec

_RESOLVED = (
    "recipe",
    "epochs",
    "batch_size",
    "learning_rate",
    "image_size",
    "augmentation",
    "class_weighting",
)


def of_each_class(count: int, skipped: int = 0, classes: slice = slice(None)) -> Callable[[Names], Names]:
    """Return a selection of `count` images of each of these classes, after the first `skipped`."""
    return lambda names: {label: names[label][skipped : skipped + count] for label in list(names)[classes]}


def uneven(names: Names) -> Names:
    """Select ten times more images of the first class than of the last, with geometric steps between them."""
    last = len(names) - 1
    return {
        label: of_class[: round(len(of_class) * 0.1 ** (index / last))]
        for index, (label, of_class) in enumerate(names.items())
    }


_FIRST_FIVE, _LAST_FIVE = slice(0, 5), slice(5, 10)
_CUTS: dict[str, Callable[[Names], Names]] = {
    "uneven": uneven,
    "few": of_each_class(20),
    "some": of_each_class(100),
    "first-five": of_each_class(500, classes=_FIRST_FIVE),
    "few-of-last-five": of_each_class(20, classes=_LAST_FIVE),
    "some-of-last-five": of_each_class(100, classes=_LAST_FIVE),
    "the-others": of_each_class(480, skipped=20),
}
"""Selections of cifar10-5k's training images. The case has all test images of the selected classes."""
_WHOLE = {
    "all": "cifar10.zip",
    "5k": "cifar10-5k.zip",
    "mini": "cifar10-mini.zip",
    "flowers": "flowers.zip",
}
CASES = ("digits", *_WHOLE, *_CUTS)


def dataset_of(case: str, data: Path, folder: Path) -> DatasetFacts:
    """Return the facts of a case's dataset, which is imported into the study's storage."""
    if case == "digits":
        return find_facts(case, storage_of(folder))
    archive = data / _WHOLE.get(case, _WHOLE["5k"])
    if case in _CUTS:
        kept = _CUTS[case](entries(archive, "train"))
        test = entries(archive, "test")
        splits = {
            "train": [name for of_class in kept.values() for name in of_class],
            "test": [name for label in kept for name in test[label]],
        }
        archive = write_cut(archive, folder / f"{case}.zip", splits)
    return import_dataset(archive, storage_of(folder), case).facts


class Study:
    """The runs of one call of the command, with datasets and models in one temporary folder."""

    def __init__(self, data: Path, folder: Path, out: Path, device: str) -> None:
        self._data, self._folder, self._out, self._device = data, folder, out, device
        self._datasets: dict[str, DatasetFacts] = {}

    def run(self, case: str, tried: dict[str, Any], seed: int) -> None:
        """Train once and append the line, unless the output has a line for this run."""
        key = {"case": case, "tried": tried, "seed": seed, "device": device_name(self._device)}
        if any({name: line.get(name, "cpu") for name in key} == key for line in read_lines(self._out)):
            return
        started_at = time.monotonic()
        trained = self._train(case, tried, seed)
        spec, metrics = trained.spec, trained.metrics
        line = {
            **key,
            "dataset": trained.facts.content_hash,
            "classes": len(trained.facts.classes),
            "train_images": trained.facts.train_images,
            "resolved": {name: getattr(spec, name) for name in _RESOLVED},
            "image_pflop": round(image_pflop(spec, trained.facts.train_images, metrics.epochs), 5),
            "val_accuracy": metrics.val_accuracy,
            "test_accuracy": metrics.test_accuracy,
            "test_accuracy_tta": metrics.test_accuracy_tta,
            "test_images": sum(trained.facts.test_counts),
            "seconds": round(time.monotonic() - started_at, 1),
        }
        add_line(self._out, line)
        print(f"{case} {tried} seed {seed}: {line['test_accuracy']:.4f}, {line['seconds']:.0f} s", flush=True)

    def _train(self, case: str, tried: dict[str, Any], seed: int) -> TrainedModel:
        given = dict(tried)
        if parent := given.get("init_from"):
            given["init_from"] = self._model_of(parent, seed)
        facts = self._datasets.get(case) or dataset_of(case, self._data, self._folder)
        self._datasets[case] = facts
        job = JobSpec(dataset=facts.id, seed=seed, **given)
        spec, _ = resolve(job, facts, device_kind(self._device))
        return train(spec, self._folder, self._device)

    def _model_of(self, case: str, seed: int) -> str:
        """Return the id of a model trained with the defaults on `case`; train and publish it when it is missing."""
        model_id, storage = f"mdl_{case}-{seed}", storage_of(self._folder)
        if not storage.exists(model_key(model_id, MANIFEST_FILE)):
            draft = stage_model(self._train(case, {}, seed), storage, model_id)
            manifest = unregistered_manifest(draft, model_id, case)
            storage.put_bytes(model_key(model_id, MANIFEST_FILE), manifest.model_dump_json().encode())
        return model_id


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a Markdown table: one row for each case and setting, the defaults first."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["case"], json.dumps(line["tried"]), line.get("device", "cpu")].append(line)
    yield "| case | training images | set by hand | what ran | on | PFLOP | test accuracy % | n |"
    yield "|---|---|---|---|---|---|---|---|"
    for (case, tried, device), runs in sorted(
        groups.items(), key=lambda item: (CASES.index(item[0][0]), item[0][1] != "{}")
    ):
        first = runs[0]
        ran = ", ".join(
            f"{first['resolved'][name]}{unit}"
            for name, unit in (
                ("recipe", ""),
                ("epochs", " epochs"),
                ("image_size", " px"),
                ("batch_size", " a batch"),
            )
        )
        mean = 100 * statistics.fmean(run["test_accuracy"] for run in runs)
        yield (
            f"| {case} | {first['train_images']} | {'' if tried == '{}' else f'`{tried}`'} | {ran} | {device} "
            f"| {first['image_pflop']:.3f} | {mean:.1f} | {len(runs)} |"
        )


def work(options: argparse.Namespace, folder: Path) -> None:
    """Make the runs whose lines are missing."""
    if unknown := set(options.cases.split(",")) - set(CASES):
        sys.exit(f"unknown case: {', '.join(sorted(unknown))}; choose from {', '.join(CASES)}")
    study = Study(options.data, folder, options.out, options.device)
    for seed in options.seeds:
        for case in options.cases.split(","):
            for tried in options.tries or [{}]:
                study.run(case, tried, seed)


def main() -> None:
    """Run the study or print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.defaults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, nargs="?", help="the folder with the zip files")
    parser.add_argument("--cases", default="digits", help=f"comma-separated: {', '.join(CASES)}")
    parser.add_argument(
        "--try",
        dest="tries",
        type=json.loads,
        action="append",
        default=[],
        metavar="JSON",
        help="job fields to set beside the dataset; may be repeated",
    )
    run_study(parser, Path("docs/defaults.jsonl"), table, work)


if __name__ == "__main__":
    main()
