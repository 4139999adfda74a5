"""A dataset of random images in ten classes, for benchmarks that measure only speed."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from model.device.device import Device
from model.network.normalisation import measure_normalisation
from model.recipes.defaults import resolve
from model.recipes.recipe import Recipe, recipe_of
from model.spec import DatasetFacts, JobSpec, RecipeName, ResolvedSpec
from model.training.training_data import Split, TrainingData

CLASSES = 10
SIDE = 32


def random_images(count: int) -> tuple[Tensor, Tensor]:
    """Return the same random images (uint8, NHWC) and labels (int64, N) on every call."""
    generator = torch.Generator().manual_seed(0)
    images_NHWC = torch.randint(256, (count, SIDE, SIDE, 3), dtype=torch.uint8, generator=generator)
    return images_NHWC, torch.randint(CLASSES, (count,), generator=generator)


def random_run(device: Device, batch_size: int, images: int) -> tuple[ResolvedSpec, Recipe, TrainingData]:
    """Return spec, recipe and data for one epoch of `fast` at full image size, without progressive resizing."""
    images_NHWC, labels_N = map(device.place, random_images(images))
    facts = DatasetFacts(
        id="ds_benchmark",
        name="benchmark",
        classes=[str(number) for number in range(CLASSES)],
        train_counts=[images // CLASSES] * CLASSES,
        test_counts=[1] * CLASSES,
        median_width=SIDE,
        median_height=SIDE,
        content_hash="",
    )
    job = JobSpec(
        dataset=facts.id, recipe=RecipeName.FAST, epochs=1, batch_size=batch_size, validation_fraction=0.0
    )
    spec, _ = resolve(job, facts, device.torch_device.type)
    data = TrainingData(
        facts=facts,
        train=_split(images_NHWC, labels_N),
        validation=_split(images_NHWC[:0], labels_N[:0]),
        test=_split(images_NHWC[:8], labels_N[:8]),
        normalisation=measure_normalisation(images_NHWC),
    )
    return spec, replace(recipe_of(spec), resize_schedule=((0.0, 1.0),)), data


def _split(images_NHWC: Tensor, labels_N: Tensor) -> Split:  # noqa: N803 - shapes in names
    return Split(images_NHWC, labels_N, np.arange(len(labels_N)).astype(np.str_))
