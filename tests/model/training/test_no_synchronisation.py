"""A training step never makes the host wait for a GPU. Checked on meta tensors, which have no content to wait for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data.prepared.image_file import ImageFile, NewImageFile
from model.data.prepared.images_in_file import ImagesInFile
from model.device.device import Device, open_device
from model.device.ranks import SINGLE_PROCESS
from model.network.images import Images
from model.network.normalisation import Normalisation
from model.recipes.defaults import resolve
from model.recipes.recipe import recipe_of
from model.spec import Augmentation, ClassWeighting, JobSpec, RecipeName
from model.training.run_state import RunState, initial_state
from model.training.step import TrainingStep
from model.training.training_data import Split, TrainingData
from tests.model.dataset_facts import facts

pytestmark = pytest.mark.usefixtures("narrow_network")

META = torch.device("meta")
"""Operations that need the contents of a tensor fail on this device: `item()`, branches, copies, masks as indices."""
STEPS = 6
"""Enough that the weight average is updated at least once."""
OPTIONS = [
    *(("recipe", recipe) for recipe in RecipeName),
    *(("augmentation", kind) for kind in Augmentation),
    ("class_weighting", ClassWeighting.SQUARE_ROOT),
]


def split(count: int, side: int, where: torch.device) -> Split:
    return Split(
        torch.randint(256, (count, side, side, 3), dtype=torch.uint8, device=where),
        torch.randint(2, (count,), device=where),
        np.arange(count).astype(np.str_),
    )


def start(
    device: Device, field: str, value: object, side: int = 32, train_images: Images | None = None
) -> tuple[TrainingStep, RunState]:
    """Return the step and state of a training whose spec sets one field."""
    where = device.torch_device
    dataset = facts([40, 40])
    job = JobSpec.model_validate({"dataset": dataset.id, "batch_size": 16, "image_size": side, field: value})
    spec, _ = resolve(job, dataset, "cuda")
    train, validation, test = (split(count, side, where) for count in (64, 16, 16))
    if train_images:
        train = replace(train, images_NHWC=train_images)
    data = TrainingData(dataset, train, validation, test, Normalisation((0.5,) * 3, (0.5,) * 3))
    recipe = recipe_of(spec)
    state = initial_state(spec, recipe, data, steps_per_epoch=4, device=device)
    if where == META:
        for group in state.optimizer.param_groups:
            group["fused"] = False  # meta tensors have no fused kernels
    step = TrainingStep(
        spec=spec, recipe=recipe, total_steps=20, data=data, state=state, device=device, rank=SINGLE_PROCESS
    )
    return step, state


def make_steps(step: TrainingStep) -> None:
    batch_N = torch.arange(16)
    for number in range(STEPS):
        step(batch_N, number / 20)


@pytest.mark.parametrize(("field", "value"), OPTIONS)
def test_a_step_does_not_wait_for_the_device(field: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The whitening matrix is computed once, before the first step, and may wait.
    monkeypatch.setattr("model.training.run_state.whitening_matrix", lambda _: torch.eye(27, device=META))
    device = Device(META, threads=1, steps_between_loss_reads=50, needs_warm_up=False)
    step, state = start(device, field, value)
    make_steps(step)
    assert state.steps_made == STEPS


def test_a_step_does_not_wait_for_the_device_to_read_images_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.training.run_state.whitening_matrix", lambda _: torch.eye(27, device=META))
    device = Device(META, threads=1, steps_between_loss_reads=50, needs_warm_up=False)
    NewImageFile(tmp_path / "images.npy", (64, 32, 32, 3))
    images = ImagesInFile(ImageFile(tmp_path / "images.npy"), np.arange(64), device)
    step, state = start(device, "recipe", RecipeName.FAST, train_images=images)
    make_steps(step)
    assert state.steps_made == STEPS


@pytest.mark.gpu
@pytest.mark.parametrize(("field", "value"), OPTIONS)
@pytest.mark.parametrize("uses_graphs", [False, True])
def test_a_step_on_a_gpu_does_not_wait_for_it(uses_graphs: bool, field: str, value: str) -> None:
    device = replace(open_device("cuda:0", 1), uses_cuda_graphs=uses_graphs)
    step, state = start(device, field, value)
    make_steps(step)  # recording waits for the GPU once
    torch.cuda.set_sync_debug_mode("error")
    try:
        make_steps(step)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert state.steps_made == 2 * STEPS
    assert (step.graph_count > 0) == uses_graphs


@pytest.mark.parametrize(
    "wait", [torch.Tensor.item, torch.Tensor.cpu, torch.Tensor.tolist, bool, torch.nonzero]
)
def test_operations_that_wait_fail_on_the_meta_device(wait: object) -> None:
    assert callable(wait)
    with pytest.raises((RuntimeError, NotImplementedError)):
        wait(torch.zeros((), device=META))
