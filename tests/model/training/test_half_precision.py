"""Training in float16, as on GPUs without bfloat16: here on the CPU, which supports it too, slowly."""

from dataclasses import replace

import pytest
import torch
from torch.nn.utils import get_total_norm

from model.device.device import Device, open_device
from model.errors import TrainingDivergedError
from model.training.run_state import RunState
from model.training.step import TrainingStep, zero_on_overflow
from tests.model.tiny_training import TinyTraining
from tests.model.training.test_no_synchronisation import META, start

pytestmark = pytest.mark.usefixtures("narrow_network")

HALVES = [None, torch.bfloat16, torch.float16]


def start_on_noise(device: Device) -> tuple[TrainingStep, RunState]:
    """Return the step and state of a training on random images and labels, the same in every call."""
    torch.manual_seed(0)
    return start(device, "seed", 0, side=16)


def losses_in(half: torch.dtype | None) -> list[float]:
    """Return the losses of three steps."""
    step, state = start_on_noise(replace(open_device("cpu", 1), autocast_dtype=half))
    losses = []
    for number in range(3):
        state.sums.zero_()
        step(torch.arange(8), number / 20)
        losses.append((state.sums[0] / 8).item())
    return losses


def test_float16_learns_what_float32_learns() -> None:
    assert losses_in(torch.float16) == pytest.approx(losses_in(None), abs=0.02)


@pytest.mark.parametrize("half", HALVES)
def test_only_float16_scales_its_loss(half: torch.dtype | None) -> None:
    device = Device(META, threads=1, steps_between_loss_reads=50, needs_warm_up=False, autocast_dtype=half)
    assert (device.loss_scale > 1) == (half is torch.float16)


def test_gradients_are_unscaled_before_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []
    for scale in (1.0, 512.0):
        monkeypatch.setattr(Device, "loss_scale", scale)
        step, state = start_on_noise(open_device("cpu", 1))
        step(torch.arange(16), 0.0)
        norms.append(state.sums[3].item())
    assert norms[0] > 0
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_step_that_overflows_float16_changes_nothing(number: float) -> None:
    gradients = [torch.ones(3), torch.tensor([1.0, number])]
    assert zero_on_overflow(gradients, get_total_norm(gradients)) == 0
    assert all(not gradient.any() for gradient in gradients)


def test_gradients_without_overflow_are_unchanged() -> None:
    gradients = [torch.full((2, 3), 2.0), torch.tensor(-1.0)]
    assert zero_on_overflow(gradients, get_total_norm(gradients)) == 5
    assert torch.equal(gradients[0], torch.full((2, 3), 2.0))


def test_checking_for_overflow_does_not_wait_for_the_device() -> None:
    zero_on_overflow([torch.ones(3, device=META)], torch.ones((), device=META))


def test_a_training_that_overflows_in_every_step_has_diverged(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "loss_scale", 3e38)
    with pytest.raises(TrainingDivergedError):
        tiny_training.train(recipe="thorough", batch_size=8)
