"""Measures how the published epoch should be chosen: small sets trained by the defaults, with several rules for the choice.

    python -m benchmarks.accuracy.best_epoch DATA --cases flowers-10,cifar-20 --seeds 0,1,2

DATA is a folder with cifar10-5k.zip and flowers.zip. `flowers-10` has 10 training photos of each class, other ones for each
seed, of which the default validation split holds some back; it is scored on 60 test photos of each class. A run scores
every epoch on both, and a rule sees only the validation images. Each run becomes one JSON line in `--out`; a run that has a
line is not repeated. `--table` prints for each rule the mean test accuracy of the epoch that it chooses, in points more than
the rule `highest`. `--width 16` has a quarter of the network's channels.
"""

import argparse
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.accuracy.cuts import write_seed_cut
from benchmarks.accuracy.recipes import interval
from benchmarks.accuracy.runs import Lines, add_line, device_kind, read_lines, run_study, storage_of, train
from benchmarks.accuracy.starter import photos
from model.data.importing import import_dataset
from model.evaluation.scores import Score
from model.network import resnet9
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec
from model.training.epoch_evaluation import EpochEvaluation

Epoch = dict[str, float]
"""`loss`, `score` (accuracy, or balanced accuracy under class weighting), `test` (accuracy on the test images)."""
_FULL = resnet9.WIDTH
_TEST_IMAGES = 60
"""Of each class."""


def _highest(epochs: list[Epoch], _images: int) -> Epoch:
    return max(epochs, key=lambda epoch: (epoch["score"], -epoch["loss"]))


def _last_within(errors: float) -> Callable[[list[Epoch], int], Epoch]:
    """Return a rule: the last epoch, unless the highest score is more than `errors` standard errors above its score."""

    def choose(epochs: list[Epoch], images: int) -> Epoch:
        best, last = _highest(epochs, images), epochs[-1]
        error = math.sqrt(last["score"] * (1 - last["score"]) / images)
        return last if last["score"] + errors * error > best["score"] else best

    return choose


def _smooth(epochs: list[Epoch], _images: int) -> Epoch:
    """Choose by the mean score of three epochs."""

    def score(number: int) -> tuple[float, float]:
        near = epochs[max(number - 1, 0) : number + 2]
        return statistics.fmean(epoch["score"] for epoch in near), -epochs[number]["loss"]

    return epochs[max(range(len(epochs)), key=score)]


RULES: dict[str, Callable[[list[Epoch], int], Epoch]] = {
    "highest": _highest,
    "last": lambda epochs, _: epochs[-1],
    "last within 1": _last_within(1),
    "last within 2": _last_within(2),
    "least loss": lambda epochs, _: min(epochs, key=lambda epoch: epoch["loss"]),
    "mean of three": _smooth,
    "best possible": lambda epochs, _: max(epochs, key=lambda epoch: epoch["test"]),
}


@contextmanager
def recorded_epochs() -> Iterator[list[Epoch]]:
    """Give a list to which the trainings inside add each epoch, scored on the test images too."""
    epochs: list[Epoch] = []
    keep = EpochEvaluation.keep_if_best

    def record(evaluation: EpochEvaluation, validation: Score | None, *, ends_schedule: bool) -> bool:
        assert validation
        is_best = keep(evaluation, validation, ends_schedule=ends_schedule)
        test = evaluation._score(evaluation._data.test)  # the product never scores it during a training
        score, _ = evaluation._criterion(validation)
        epochs.append({"score": score, "loss": validation.loss, "test": test.accuracy})
        return is_best

    EpochEvaluation.keep_if_best = record  # type: ignore[method-assign, assignment]
    try:
        yield epochs
    finally:
        EpochEvaluation.keep_if_best = keep  # type: ignore[method-assign]


def dataset_of(case: str, seed: int, data: Path, folder: Path) -> DatasetFacts:
    """Import the cut of a case and seed."""
    source, _, count = case.partition("-")
    archive = data / "cifar10-5k.zip"
    if source == "flowers":
        archive = folder / "photos.zip" if (folder / "photos.zip").exists() else photos(data, folder)
    cut = write_seed_cut(archive, folder / f"{case}-{seed}.zip", seed, int(count), _TEST_IMAGES)
    return import_dataset(cut, storage_of(folder), f"{case}-{seed}").facts


def work(options: argparse.Namespace, temporary: Path) -> None:
    """Make the runs whose lines are missing."""
    resnet9.WIDTH = options.width
    for seed in options.seeds:
        for case in options.cases.split(","):
            key = {"case": case, "seed": seed, "width": options.width}
            if any({name: line[name] for name in key} == key for line in read_lines(options.out)):
                continue
            facts, started_at = dataset_of(case, seed, options.data, temporary), time.monotonic()
            spec, _ = resolve(
                JobSpec(dataset=facts.id, seed=seed, image_size=32, init_from=None),
                facts,
                device_kind(options.device),
            )
            with recorded_epochs() as epochs:
                train(spec, temporary, options.device)
            line = {
                **key,
                "validation_images": round(facts.train_images * spec.validation_fraction),
                "epochs": [{name: round(value, 5) for name, value in epoch.items()} for epoch in epochs],
                "seconds": round(time.monotonic() - started_at, 1),
            }
            add_line(options.out, line)
            print(list(table([line]))[2], flush=True)


def table(lines: Lines) -> Iterator[str]:
    """Yield a Markdown table: the mean of `highest`, and the paired differences of the other rules with 95 % intervals."""
    cases: dict[tuple[str, int], Lines] = defaultdict(list)
    for line in lines:
        cases[line["case"], line["width"]].append(line)
    others = [rule for rule in RULES if rule != "highest"]
    yield f"| case | channels | validation images | runs | highest % | {' | '.join(others)} |"
    yield "|---" * (5 + len(others)) + "|"
    for (case, width), runs in [*cases.items(), (("all", lines[0]["width"]), lines)]:
        reached = {
            rule: [100 * choose(run["epochs"], run["validation_images"])["test"] for run in runs]
            for rule, choose in RULES.items()
        }
        gains = (
            interval([new - old for new, old in zip(reached[rule], reached["highest"], strict=True)])
            for rule in others
        )
        images = round(statistics.fmean(run["validation_images"] for run in runs))
        mean = statistics.fmean(reached["highest"])
        yield f"| `{case}` | {width} | {images} | {len(runs)} | {mean:.1f} | {' | '.join(gains)} |"


def main() -> None:
    """Run the study or print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.best_epoch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, nargs="?", help="the folder with the zip files")
    parser.add_argument("--cases", default="flowers-10,flowers-20,flowers-50,cifar-20")
    parser.add_argument("--width", type=int, default=_FULL, help="channels of the first layer")
    run_study(parser, Path("docs/best-epoch.jsonl"), table, work)


if __name__ == "__main__":
    main()
