"""The same loop on a CUDA device: `python -m pytest -m gpu`. Without a device these fail, they are never skipped."""

import pytest
import torch

from model.training import run_training
from tests.model.tiny import Recorder, Workshop

pytestmark = pytest.mark.gpu

LOSS_TOLERANCE = 0.05
"""Sums are made in another order each time and half precision rounds: so near are the last losses of two equal runs."""


def test_learns_what_the_cpu_learns(workshop: Workshop) -> None:
    recorder = Recorder()
    trained = run_training(workshop.request(workshop.spec(epochs=6), device="cuda:0"), recorder)
    assert trained.metrics.test_accuracy == 1
    assert all(tensor.device.type == "cpu" for tensor in trained.state_dict.values())
    assert recorder.rows[-1].peak_memory_mb


def test_a_drained_run_goes_on_to_about_the_same_end(workshop: Workshop) -> None:
    spec = workshop.spec(epochs=6)
    undisturbed, resumed = Recorder(), Recorder()
    run_training(workshop.request(spec, device="cuda:0"), undisturbed)
    saved = workshop.drain(spec, before_step=20, device="cuda:0").saved[-1].key
    run_training(workshop.request(spec, device="cuda:0", resume_from=saved), resumed)
    assert resumed.rows[-1].train_loss == pytest.approx(undisturbed.rows[-1].train_loss, abs=LOSS_TOLERANCE)


def test_float16_where_there_is_no_bfloat16(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    trained = run_training(workshop.request(workshop.spec(epochs=6), device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_images_that_grow(workshop: Workshop) -> None:
    spec = workshop.spec(recipe="fast", epochs=6, image_size=32)
    trained = run_training(workshop.request(spec, device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_a_lack_of_memory_halves_what_goes_through_the_network_at_once(workshop: Workshop) -> None:
    little = 1.5e9 / torch.cuda.get_device_properties(0).total_memory
    spec = workshop.spec(epochs=6, batch_size=48, image_size=224)  # some 5 GB at once
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(little)
    try:
        trained = run_training(workshop.request(spec, device="cuda:0"), Recorder())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert trained.metrics.batch_parts > 1
    assert trained.metrics.test_accuracy > 1 / 3
