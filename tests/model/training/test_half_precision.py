"""float16, which GPUs without bfloat16 use: here on the CPU, which knows it too, slowly."""

from dataclasses import replace

import pytest
import torch
from torch.nn.utils import get_total_norm

from model.device.device import Device, open_device
from model.errors import TrainingDivergedError
from model.training.run_state import RunState
from model.training.step import TrainingStep, zero_on_overflow
from tests.model.tiny import Workshop
from tests.model.training.test_no_waiting import NOWHERE, start

HALVES = [None, torch.bfloat16, torch.float16]


def start_on_noise(device: Device) -> tuple[TrainingStep, RunState]:
    """A run with the same random images and labels each time."""
    torch.manual_seed(0)
    return start(device, "seed", 0, side=16)


def losses_in(half: torch.dtype | None) -> list[float]:
    """Of three steps."""
    step, state = start_on_noise(replace(open_device("cpu", 1), autocast_dtype=half))
    losses = []
    for number in range(3):
        state.sums.zero_()
        step(torch.arange(16), number / 20)
        losses.append((state.sums[0] / 16).item())
    return losses


def test_float16_learns_what_float32_learns() -> None:
    assert losses_in(torch.float16) == pytest.approx(losses_in(None), abs=0.02)


@pytest.mark.parametrize("half", HALVES)
def test_only_float16_scales_its_loss(half: torch.dtype | None) -> None:
    device = Device(NOWHERE, threads=1, steps_between_loss_reads=50, needs_warm_up=False, autocast_dtype=half)
    assert (device.loss_scale > 1) == (half is torch.float16)


def test_what_was_scaled_is_unscaled(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []
    for scale in (1.0, 512.0):
        monkeypatch.setattr(Device, "loss_scale", scale)
        step, state = start_on_noise(open_device("cpu", 1))
        step(torch.arange(16), 0.0)
        norms.append(state.sums[3].item())
    assert norms[0] > 0
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_step_that_was_too_large_for_float16_is_none(number: float) -> None:
    gradients = [torch.ones(3), torch.tensor([1.0, number])]
    assert zero_on_overflow(gradients, get_total_norm(gradients)) == 0
    assert all(not gradient.any() for gradient in gradients)


def test_any_other_step_is_as_it_is() -> None:
    gradients = [torch.full((2, 3), 2.0), torch.tensor(-1.0)]
    assert zero_on_overflow(gradients, get_total_norm(gradients)) == 5
    assert torch.equal(gradients[0], torch.full((2, 3), 2.0))


def test_to_look_for_overflow_waits_for_nothing() -> None:
    zero_on_overflow([torch.ones(3, device=NOWHERE)], torch.ones((), device=NOWHERE))


def test_a_run_whose_every_step_overflows_says_so(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "loss_scale", 3e38)
    with pytest.raises(TrainingDivergedError):
        workshop.train(recipe="thorough")
