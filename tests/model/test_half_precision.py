"""float16, which GPUs without bfloat16 use: here on the CPU, which knows it too, slowly."""

from dataclasses import replace

import pytest
import torch

from model.device import Device, open_device
from model.step import unscale
from tests.model.test_no_waiting import NOWHERE, start

HALVES = [None, torch.bfloat16, torch.float16]


def losses_in(half: torch.dtype | None) -> list[float]:
    """Of three steps with the same random images and labels."""
    device = replace(open_device("cpu", 1), half=half)
    step, state = start(device, "seed", 0, side=16)
    torch.manual_seed(0)
    step._data.train.images_NHWC.random_(256)
    step._data.train.labels_N.random_(2)
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
    device = Device(NOWHERE, threads=1, steps_between_looks=50, warms_up=False, half=half)
    assert (device.loss_scale > 1) == (half is torch.float16)


def test_what_was_scaled_is_unscaled() -> None:
    gradients = [torch.full((2, 3), 1024.0), torch.full((), -512.0)]
    unscale(gradients, 512)
    assert torch.equal(gradients[0], torch.full((2, 3), 2.0))
    assert gradients[1] == -1


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_step_that_was_too_large_for_float16_is_none(number: float) -> None:
    gradients = [torch.ones(3), torch.tensor([1.0, number])]
    unscale(gradients, 512)
    assert all(not gradient.any() for gradient in gradients)


def test_unscaling_waits_for_nothing() -> None:
    unscale([torch.ones(3, device=NOWHERE)], 512)
