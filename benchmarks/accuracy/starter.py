"""Measures what a starter is worth: small sets trained from its weights and from random weights, with equal epochs.

    python -m benchmarks.accuracy.starter DATA --starter FOLDER --cases flowers-10,digits-10 --seeds 0,1,2

DATA is a folder with cifar10.zip and flowers.zip. The starter is trained once into FOLDER, which is kept: on 2,000 images
of each class of CIFAR-10, with the fields of `--starter-job`. `flowers-10` has 10 training photos of each class and 100
test photos of each; every seed has other training photos, and both runs of a seed have the same. Each pair of runs becomes
one JSON line in `--out`; a pair that has a line is not repeated. `--table` prints the means and the paired differences.
`--width 16` has a quarter of the network's channels, in the starter too: give it a FOLDER of its own.
"""

import argparse
import json
import statistics
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from sklearn.datasets import load_digits

from benchmarks.accuracy.cuts import entries, write_cut, write_seed_cut
from benchmarks.accuracy.recipes import interval
from benchmarks.accuracy.runs import Lines, add_line, device_kind, read_lines, run_study, storage_of, train
from model.artifact.manifest import MANIFEST_FILE, model_key, unregistered_manifest
from model.artifact.staging import stage_model
from model.data.importing import import_dataset
from model.network import resnet9
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec

STARTER = "mdl_starter"
_FULL = resnet9.WIDTH
"""Channels of the first layer where a line does not say it."""
_STARTER_JOB = {"recipe": "fast", "image_size": 24, "epochs": 3, "batch_size": 128}
SPLIT = "train"
"""Of the files that `photos` writes."""


def photos(data: Path, folder: Path) -> Path:
    """Write flowers.zip as SPLIT/CLASS/IMAGE."""
    target = folder / "photos.zip"
    with zipfile.ZipFile(data / "flowers.zip") as source, zipfile.ZipFile(target, "w") as all_photos:
        for name in source.namelist():
            if not name.endswith("/"):
                all_photos.writestr(f"{SPLIT}/{name.partition('/')[2]}", source.read(name))
    return target


def _digits(_data: Path, folder: Path) -> Path:
    """Write scikit-learn's digits as SPLIT/CLASS/IMAGE."""
    target, found = folder / "all-digits.zip", load_digits()
    with zipfile.ZipFile(target, "w") as all_digits:
        for number, (image, label) in enumerate(zip(found.images, found.target, strict=True)):
            png = BytesIO()
            Image.fromarray((image * 255 / 16).astype("uint8")).save(png, "png")
            all_digits.writestr(f"{SPLIT}/{label}/{number}.png", png.getvalue())
    return target


_SOURCES = {"flowers": (photos, 32), "digits": (_digits, 16)}


def train_starter(job: dict[str, Any], data: Path, folder: Path) -> None:
    """Train and publish the starter in this folder, unless the folder has one."""
    folder.mkdir(parents=True, exist_ok=True)
    storage = storage_of(folder)
    if storage.exists(model_key(STARTER, MANIFEST_FILE)):
        return
    archive = data / "cifar10.zip"
    train_names, test_names = entries(archive, "train"), entries(archive, "test")
    splits = {
        "train": [name for of_class in train_names.values() for name in of_class[:2000]],
        "test": [name for of_class in test_names.values() for name in of_class[:100]],
    }
    facts = import_dataset(write_cut(archive, folder / "cut.zip", splits), storage, "cifar10-cut").facts
    spec, _ = resolve(JobSpec(dataset=facts.id, name="starter", **job), facts, "cpu")
    trained = train(spec, folder)
    draft = stage_model(trained, storage, STARTER)
    manifest = unregistered_manifest(draft, STARTER, "starter")
    storage.put_bytes(model_key(STARTER, MANIFEST_FILE), manifest.model_dump_json().encode())
    print(f"starter: {trained.metrics.test_accuracy:.3f}", flush=True)


def dataset_of(case: str, seed: int, data: Path, temporary: Path, folder: Path) -> DatasetFacts:
    """Import the cut of a case and seed into the starter's storage, where the new models can find the starter."""
    source, _, count = case.partition("-")
    archive = _SOURCES[source][0](data, temporary)
    test_images = 100 if source == "flowers" else 50
    cut = write_seed_cut(archive, temporary / f"{case}-{seed}.zip", seed, int(count), test_images)
    return import_dataset(cut, storage_of(folder), f"{case}-{seed}").facts


def work(options: argparse.Namespace, temporary: Path) -> None:
    """Make the pairs of runs whose lines are missing."""
    resnet9.WIDTH = options.width
    train_starter(options.starter_job, options.data, options.starter)
    for seed in options.seeds:
        for case in options.cases.split(","):
            key = {"case": case, "seed": seed, "width": options.width}
            if any({name: line.get(name, _FULL) for name in key} == key for line in read_lines(options.out)):
                continue
            facts = dataset_of(case, seed, options.data, temporary, options.starter)
            side, started_at = _SOURCES[case.partition("-")[0]][1], time.monotonic()
            scores = {}
            for name, parent in (("random", None), ("starter", STARTER)):
                job = JobSpec(dataset=facts.id, seed=seed, init_from=parent, image_size=side)
                spec, _ = resolve(job, facts, device_kind(options.device))
                scores[name] = train(spec, options.starter, options.device).metrics.test_accuracy
            line = {
                **key,
                "train_images": facts.train_images,
                "test_images": sum(facts.test_counts),
                "epochs": spec.epochs,
                "image_size": spec.image_size,
                "test_accuracy": scores,
                "seconds": round(time.monotonic() - started_at, 1),
            }
            add_line(options.out, line)
            print(line, flush=True)


def table(lines: Lines) -> Iterator[str]:
    """Yield a Markdown table: means, and the paired difference with its 95 % interval by Student's t over the seeds."""
    cases: dict[tuple[str, int], Lines] = defaultdict(list)
    for line in lines:
        cases[line["case"], line.get("width", _FULL)].append(line)
    yield "| case | channels | training images | size | epochs | from random weights % | from the starter % | difference in points (95 %) | seeds |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (case, width), runs in cases.items():
        first = runs[0]
        means = [
            100 * statistics.fmean(run["test_accuracy"][name] for run in runs)
            for name in ("random", "starter")
        ]
        gains = [100 * (run["test_accuracy"]["starter"] - run["test_accuracy"]["random"]) for run in runs]
        images = round(statistics.fmean(run["train_images"] for run in runs))
        yield (
            f"| `{case}` | {width} | {images} | {first['image_size']} px | {first['epochs']} | {means[0]:.1f} | {means[1]:.1f} "
            f"| {interval(gains)} | {len(runs)} |"
        )


def main() -> None:
    """Run the study or print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.starter",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, nargs="?", help="the folder with the zip files")
    parser.add_argument("--starter", type=Path, metavar="FOLDER", help="where the starter is, or will be")
    parser.add_argument("--starter-job", type=json.loads, default=_STARTER_JOB, metavar="JSON")
    parser.add_argument("--cases", default="flowers-10,flowers-20,digits-10")
    parser.add_argument("--width", type=int, default=_FULL, help="channels of the first layer")
    run_study(parser, Path("docs/starter.jsonl"), table, work)


if __name__ == "__main__":
    main()
