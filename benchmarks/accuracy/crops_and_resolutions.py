"""Measures two changes on photos: crops cut from larger cached images, and test images of a second resolution.

    python -m benchmarks.accuracy.crops_and_resolutions DATA --cases flowers-50,flowers-100 --caches 1,1.5,2 --seeds 0,1,2,3,4

DATA is a folder with flowers.zip. `flowers-50` has 50 training photos of each class, other ones for each seed, and 300 test
photos of each, always the same; a training sees `--image-size` pixels (S). The product cuts its random crops from images of
S x S pixels: `--caches 1`. With 2 they are cut from images of 2S x 2S, at the same places and with the same colours, and
scaled to S x S. Each trained model is scored on test images of S pixels, of `--test-sizes` times S, and with the logits of
both averaged. Each training becomes one JSON line in `--out`; one that has a line is not repeated. `--table` prints the means
and the differences, paired by seed. `--width 16` has a quarter of the network's channels.
"""
# ruff: noqa: N803 - shapes in names: images_NHWC

import argparse
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.accuracy.cuts import entries, write_cut
from benchmarks.accuracy.recipes import interval
from benchmarks.accuracy.runs import Lines, add_line, device_kind, read_lines, run_study, storage_of, train
from benchmarks.accuracy.starter import SPLIT, photos
from model.artifact.trained_model import TrainedModel
from model.data.importing import import_dataset
from model.data.prepared.dataset import PreparedDataset, PreparedSplit, prepare_dataset
from model.data.prepared.images_in_file import ImagesInFile
from model.device.device import open_device
from model.evaluation.predictions import predict_logits
from model.evaluation.scores import score
from model.host.cpus import cpu_quota
from model.network import resnet9
from model.network.normalisation import Normalisation
from model.recipes.defaults import resolve
from model.spec import Augmentation, DatasetFacts, JobSpec, ResolvedSpec
from model.training import loop
from model.training.augment import Augment, choose_crops, vary_colour
from model.training.step import TrainingStep

_TEST_PHOTOS = 300
"""Of each class."""


@dataclass(frozen=True)
class ScaledCrops(Augment):
    """The augmentation `photo` for images that are larger than its result."""

    side: int

    def __call__(self, images_NHWC: Tensor, flips_N: Tensor, normalisation: Normalisation) -> Tensor:
        """Return images of `side` pixels. Draws the random numbers of `Augment` in the same order."""
        crops_N23 = choose_crops(flips_N)
        colours_3N111 = torch.rand(3, len(flips_N), 1, 1, 1, device=images_NHWC.device)
        grid_NHW2 = functional.affine_grid(
            crops_N23, [len(flips_N), 3, self.side, self.side], align_corners=False
        )
        cropped_NCHW = functional.grid_sample(
            images_NHWC.permute(0, 3, 1, 2).float(),
            grid_NHW2,
            mode="bilinear",
            padding_mode="reflection",
            align_corners=False,
        )
        return normalisation.apply(vary_colour(cropped_NCHW.permute(0, 2, 3, 1).contiguous(), colours_3N111))


class StepWithLargerImages(TrainingStep):
    """A training step whose crops are cut from larger images; whitening, normalisation and scores stay as they are."""

    def __init__(self, larger: PreparedSplit, **given: Any) -> None:
        super().__init__(**given)
        row_of = {image: row for row, image in enumerate(larger.ids_N.tolist())}
        rows_N = np.array([row_of[image] for image in given["data"].train.ids_N.tolist()])
        self._larger_NHWC = ImagesInFile(larger.images, rows_N, given["device"])
        self._augment = ScaledCrops(Augmentation.PHOTO, 0.0, 0.0, False, given["spec"].image_size)

    def _take_images(self, on_host_N: Tensor, on_device_N: Tensor) -> Tensor:  # noqa: ARG002 - for GPUs
        return self._larger_NHWC[on_host_N]


def dataset_of(case: str, seed: int, data: Path, folder: Path) -> DatasetFacts:
    """Import the cut of a case and seed."""
    archive, chance = photos(data, folder), random.Random(seed)  # noqa: S311 - no secret
    names = entries(archive, SPLIT).values()
    count = int(case.partition("-")[2])
    splits = {
        "test": [name for of_class in names for name in of_class[:_TEST_PHOTOS]],
        "train": [name for of_class in names for name in chance.sample(of_class[_TEST_PHOTOS:], count)],
    }
    cut = write_cut(archive, folder / f"{case}-{seed}.zip", splits)
    return import_dataset(cut, storage_of(folder), f"{case}-{seed}").facts


def train_with(cache: float, spec: ResolvedSpec, folder: Path, device: str) -> TrainedModel:
    """Train a model whose crops are cut from images of `cache` times the size of the training."""
    if cache == 1:
        return train(spec, folder, device)
    larger = prepared(spec, round(cache * spec.image_size), folder).train
    with patch.object(loop, "TrainingStep", partial(StepWithLargerImages, larger)):
        return train(spec, folder, device)


def prepared(spec: ResolvedSpec, side: int, folder: Path) -> PreparedDataset:
    """Return the images of the spec's dataset at this size."""
    return prepare_dataset(spec.dataset, side, spec.resize, storage_of(folder), folder / "cache")


def test_accuracies(trained: TrainedModel, sizes: list[float], folder: Path, device: str) -> dict[str, float]:
    """Score a model on test images of its own size, of these multiples of it, and on both together."""
    network = resnet9.ResNet9(len(trained.classes))
    network.load_state_dict(trained.state_dict, strict=False)
    opened = open_device(device, cpu_quota())
    network.to(opened.torch_device)
    normalisation = Normalisation(trained.preprocessing.mean, trained.preprocessing.std)

    def logits_at(size: float) -> Tensor:
        test = prepared(trained.spec, round(size * trained.spec.image_size), folder).test
        images_NHWC = ImagesInFile(test.images, np.arange(len(test.images)), opened)
        return predict_logits(network, images_NHWC, normalisation, opened).cpu()

    labels_N = torch.from_numpy(prepared(trained.spec, trained.spec.image_size, folder).test.labels_N)
    own_NK, accuracies = logits_at(1), dict[str, float]()
    accuracies["1"] = score(own_NK, labels_N).accuracy
    for size in sizes:
        other_NK = logits_at(size)
        accuracies[f"{size:g}"] = score(other_NK, labels_N).accuracy
        accuracies[f"1 and {size:g}"] = score(own_NK + other_NK, labels_N).accuracy
    return accuracies


def work(options: argparse.Namespace, folder: Path) -> None:
    """Make the trainings whose lines are missing."""
    resnet9.WIDTH = options.width
    for seed in options.seeds:
        for case in options.cases.split(","):
            keys = [key_of(case, seed, cache, options) for cache in options.caches]
            missing = [key for key in keys if not has_line(options.out, key)]
            facts = dataset_of(case, seed, options.data, folder) if missing else None
            for key in missing:
                assert facts
                line = run(key, facts, options, folder)
                add_line(options.out, line)
                print(line, flush=True)


def key_of(case: str, seed: int, cache: float, options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that say which training a line is of."""
    chosen = {"width": options.width, "image_size": options.image_size}
    return {"case": case, **chosen, "seed": seed, "cache": cache}


def has_line(path: Path, key: dict[str, Any]) -> bool:
    """Return whether the file has a line of this training."""
    return any({name: line[name] for name in key} == key for line in read_lines(path))


def run(
    key: dict[str, Any], facts: DatasetFacts, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Train once and score; return the line."""
    started_at = time.monotonic()
    job = JobSpec(
        dataset=facts.id,
        seed=key["seed"],
        image_size=key["image_size"],
        augmentation=Augmentation.PHOTO,
        init_from=None,
    )
    spec, _ = resolve(job, facts, device_kind(options.device))
    trained = train_with(key["cache"], spec, folder, options.device)
    return {
        **key,
        "train_images": facts.train_images,
        "test_images": sum(facts.test_counts),
        "epochs": spec.epochs,
        "test_accuracy": test_accuracies(trained, options.test_sizes, folder, options.device),
        "seconds": round(time.monotonic() - started_at, 1),
    }


def table(lines: Lines) -> Iterator[str]:
    """Yield two Markdown tables, of the caches and of the test sizes, with differences and their 95 % intervals."""
    groups: dict[tuple[str, int, int], dict[float, dict[int, dict[str, float]]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for line in lines:
        group = groups[line["case"], line["width"], line["image_size"]]
        group[line["cache"]][line["seed"]] = line["test_accuracy"]
    yield "| case | channels | size | crops cut from | test images | test accuracy % | difference in points (95 %) | seeds |"
    yield "|---|---|---|---|---|---|---|---|"
    for (case, width, side), caches in groups.items():
        for cache, runs in caches.items():
            for tested in next(iter(runs.values())):
                plain = runs if tested != "1" else caches.get(1, {}) if cache != 1 else {}
                seeds = [seed for seed in runs if seed in plain]
                gains = [100 * (runs[seed][tested] - plain[seed]["1"]) for seed in seeds]
                mean = 100 * statistics.fmean(scores[tested] for scores in runs.values())
                yield (
                    f"| `{case}` | {width} | {side} px | {cache:g} S | {tested} S | {mean:.1f} | {interval(gains)} | {len(runs)} |"
                )


def numbers(text: str) -> list[float]:
    """Read numbers that commas separate."""
    return [float(number) for number in text.split(",")]


def main() -> None:
    """Run the study or print its table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.crops_and_resolutions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, nargs="?", help="the folder with flowers.zip")
    parser.add_argument("--cases", default="flowers-50,flowers-100")
    parser.add_argument("--caches", type=numbers, default=[1.0, 2.0], help="times the size of the training")
    parser.add_argument("--test-sizes", type=numbers, default=[0.75, 1.25], help="times that size")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--width", type=int, default=resnet9.WIDTH, help="channels of the first layer")
    run_study(parser, Path("docs/crops-and-resolutions.jsonl"), table, work)


if __name__ == "__main__":
    main()
