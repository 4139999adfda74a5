"""Compares variants of a recipe by validation accuracy.

    python -m benchmarks.accuracy.recipes ZIP --recipes base,muon-0.2 --seeds 0,1 --out study.jsonl

Trains on `--images` training images of the zip (balanced over the classes, always the same images) and scores on
`--validation` other training images; the test split of the zip is not used. Each run becomes one JSON line in `--out`;
a run that has a line is not repeated, so an interrupted study can be continued. `--table` prints the mean of each variant
and its gain over `base`, paired by seed, with the 95 % interval.
"""

import argparse
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cuts import entries, write_cut
from benchmarks.accuracy.runs import (
    add_line,
    device_kind,
    device_name,
    image_flop,
    read_lines,
    run_study,
    storage_of,
    train,
)
from model.data.importing import import_dataset
from model.recipes.defaults import resolve
from model.recipes.recipe import RECIPES, Initialisation, Optimizer, Recipe, recipe_of
from model.spec import DatasetFacts, JobSpec, RecipeName, ResolvedSpec

BASE: Mapping[str, Any] = {
    "optimizer": Optimizer.SGD,
    "initialisation": Initialisation.TORCH,
    "cutout": 5 / 32,
    "resize_schedule": ((0.0, 1.0),),
}
"""The settings of `fast` when the study began. A variant changes `base`; after `shipped+` it changes the current recipe."""

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "no-average": {"average_epochs": 0.0},
    "no-whitening": {"whiten_input": False},
    "random-flip": {"alternating_flip": False},
    "smoothing-0.1": {"label_smoothing": 0.1},
    "dirac": {"initialisation": Initialisation.DIRAC},
    "growing": {"resize_schedule": RECIPES[RecipeName.FAST].resize_schedule},
    "full-size": {"resize_schedule": ((0.0, 1.0),)},
    "momentum-0.8": {"muon_momentum": 0.8},
    "momentum-0.9": {"muon_momentum": 0.9},
    "muon-0.1": {"optimizer": Optimizer.MUON, "muon_scale": 0.1},
    "muon-0.2": {"optimizer": Optimizer.MUON, "muon_scale": 0.2},
    "muon-0.25": {"optimizer": Optimizer.MUON, "muon_scale": 0.25},
    "muon-0.4": {"optimizer": Optimizer.MUON, "muon_scale": 0.4},
    "muon-0.5": {"optimizer": Optimizer.MUON, "muon_scale": 0.5},
    "muon-1": {"optimizer": Optimizer.MUON, "muon_scale": 1.0},
    "rate-0.5": {"learning_rate": 0.5},
    "rate-2": {"learning_rate": 2.0},
    "logit-1/16": {"logit_scale": 1 / 16},
    "logit-1/4": {"logit_scale": 1 / 4},
    "translate-4": {"translate": 4 / 32},
    "no-cutout": {"cutout": 0.0},
    "cutout-5": {"cutout": 5 / 32},
    "cutout-8": {"cutout": 8 / 32},
    "warm-up-0.05": {"warm_up_fraction": 0.05},
    "average-0.5": {"average_epochs": 0.5},
    "average-2": {"average_epochs": 2.0},
}
"""The recipe fields that each variant replaces; `learning_rate` is a multiple of the recipe's own."""


def variant(name: str, spec: ResolvedSpec) -> Recipe:
    """Return the recipe of this spec with the changes of a variant; names joined by `+` apply from left to right."""
    recipe, changed_by = recipe_of(spec), name.split("+")
    if changed_by[0] == "shipped":
        del changed_by[0]
    else:
        recipe = replace(recipe, **BASE)
    for change in changed_by:
        changes = dict(CHANGES[change])
        if "learning_rate" in changes:
            changes["learning_rate"] *= recipe.learning_rate
        recipe = replace(recipe, **changes)
    return recipe


def cut(archive: Path, images: int, validation: int, folder: Path) -> Path:
    """Write a zip whose train and test splits are disjoint selections of the archive's training images."""
    names = entries(archive, "train").values()
    trained, scored = images // len(names), validation // len(names)
    return write_cut(
        archive,
        folder / f"{archive.stem}-{images}.zip",
        {
            "train": [name for of_class in names for name in of_class[:trained]],
            "test": [name for of_class in names for name in of_class[trained : trained + scored]],
        },
    )


def run(
    name: str, seed: int, options: argparse.Namespace, dataset: DatasetFacts, folder: Path
) -> dict[str, Any]:
    """Train once; return the line of the run."""
    job = JobSpec(
        dataset=dataset.id,
        recipe=RecipeName(options.recipe),
        epochs=options.epochs,
        image_size=options.image_size,
        batch_size=options.batch_size,
        seed=seed,
        validation_fraction=0.0,
    )
    spec, _ = resolve(job, dataset, device_kind(options.device))
    recipe = variant(name, spec)
    started_at = time.monotonic()
    metrics = train(spec, folder, options.device, recipe).metrics
    flop = image_flop(recipe, spec, dataset.train_images)
    return {
        "recipe": name,
        "of": options.recipe,
        "seed": seed,
        "dataset": dataset.content_hash,
        "images": dataset.train_images,
        "validation_images": sum(dataset.test_counts),
        "image_size": spec.image_size,
        "epochs": spec.epochs,
        "batch_size": spec.batch_size,
        "learning_rate": spec.learning_rate,
        "image_pflop": {str(side): round(value / 1e15, 5) for side, value in flop.items()},
        "accuracy": metrics.test_accuracy,
        "accuracy_flip_tta": metrics.test_accuracy_tta,
        "seconds": round(time.monotonic() - started_at, 1),
        "device": device_name(options.device),
    }


def setting_of(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values that two comparable runs share; the dataset hash covers the validation images too."""
    shared = ("of", "dataset", "images", "image_size", "epochs", "batch_size")
    return (*(line[key] for key in shared), line.get("device", "cpu"))


Runs = dict[str, dict[int, dict[str, Any]]]
"""The lines of each recipe, by seed."""


def by_setting(lines: list[dict[str, Any]]) -> list[tuple[str, Runs]]:
    """Group the lines by setting; return a title and the runs for each."""
    settings: dict[tuple[Any, ...], Runs] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        settings[setting_of(line)][line["recipe"]][line["seed"]] = line
    return [
        (f"`{of}`, {images} images of {size} px, {epochs} epochs, batch {batch}, {device}", runs)
        for (of, _, images, size, epochs, batch, device), runs in settings.items()
    ]


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a Markdown table per setting: PFLOP, mean accuracy and the gain over `base` with its 95 % interval."""
    for title, recipes in by_setting(lines):
        yield f"\n{title}:\n"
        yield "| recipe | PFLOP | accuracy % | gain in points, 95 % interval | n |"
        yield "|---|---|---|---|---|"
        base = recipes.get("base", {})
        for name, runs in sorted(recipes.items(), key=lambda item: -_mean(item[1].values())):
            pflop = sum(next(iter(runs.values()))["image_pflop"].values())
            gains = [
                100 * (runs[s]["accuracy"] - base[s]["accuracy"])
                for s in runs
                if s in base and name != "base"
            ]
            yield f"| {name} | {pflop:.3f} | {100 * _mean(runs.values()):.2f} | {interval(gains)} | {len(runs)} |"


def _mean(runs: Any) -> float:
    return statistics.fmean(run["accuracy"] for run in runs)


# Student's t for 95 %, two-sided, by degrees of freedom; beyond these about 2.
_T95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


def interval(gains: list[float]) -> str:
    """Return the mean of paired differences with its 95 % interval by Student's t; without the interval for one alone."""
    if not gains:
        return ""
    mean = statistics.fmean(gains)
    if len(gains) == 1:
        return f"{mean:+.2f}"
    margin = _T95.get(len(gains) - 1, 2.0) * statistics.stdev(gains) / math.sqrt(len(gains))
    return f"{mean:+.2f} ({mean - margin:+.2f} to {mean + margin:+.2f})"


def is_done(lines: list[dict[str, Any]], name: str, seed: int, setting: tuple[Any, ...]) -> bool:
    """Return whether the lines have a run of this variant, seed and setting."""
    return any((line["recipe"], line["seed"], setting_of(line)) == (name, seed, setting) for line in lines)


def work(options: argparse.Namespace, folder: Path) -> None:
    """Make the runs whose lines are missing."""
    smaller = cut(options.archive, options.images, options.validation, folder)
    dataset = import_dataset(smaller, storage_of(folder), "study").facts
    chosen = {
        "of": options.recipe,
        "dataset": dataset.content_hash,
        "images": dataset.train_images,
        "device": device_name(options.device),
    }
    setting = setting_of({**vars(options), **chosen})
    # Seeds in the outer loop, so that pairs of runs with one seed are complete early.
    for seed in options.seeds:
        for name in options.recipes.split(","):
            if is_done(read_lines(options.out), name, seed, setting):
                continue
            line = run(name, seed, options, dataset, folder)
            add_line(options.out, line)
            print(f"{name} seed {seed}: {line['accuracy']:.4f}, {line['seconds']:.0f} s", flush=True)


def main() -> None:
    """Run the study or print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.recipes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("archive", type=Path, nargs="?", help="a zip of train/CLASS/IMAGE")
    parser.add_argument(
        "--recipe", choices=list(RECIPES), default=RecipeName.FAST, help="the recipe that the variants change"
    )
    parser.add_argument(
        "--recipes", default="base", help="comma-separated variants, see CHANGES in this file"
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--validation", type=int, default=10_000)
    parser.add_argument("--image-size", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=256)
    run_study(parser, Path("docs/recipe-study.jsonl"), table, work)


if __name__ == "__main__":
    main()
