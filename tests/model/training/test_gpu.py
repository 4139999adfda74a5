"""The same loop on a CUDA device: `python -m pytest -m gpu`. Without a device these fail, they are never skipped."""

import gc
from dataclasses import replace

import pytest
import torch

from model.device.device import open_device
from model.spec import RecipeName
from model.training.training import run_training
from tests.model.tiny import Recorder, Workshop
from tests.model.training.test_no_waiting import make_steps, start

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


@pytest.mark.parametrize("recipe", list(RecipeName))
def test_replayed_steps_do_what_they_would_have_done(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, recipe: RecipeName
) -> None:
    spec = workshop.spec(recipe=recipe, epochs=8, image_size=32)
    replayed, launched = Recorder(), Recorder()
    run_training(workshop.request(spec, device="cuda:0"), replayed)
    monkeypatch.setattr(
        "model.training.rank.open_device", lambda *named: replace(open_device(*named), uses_cuda_graphs=False)
    )
    run_training(workshop.request(spec, device="cuda:0"), launched)
    for one, other in zip(replayed.rows, launched.rows, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=LOSS_TOLERANCE)
        assert one.learning_rate == pytest.approx(other.learning_rate)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=0.2)


def test_recordings_that_are_garbage_do_no_harm_while_others_are_made() -> None:
    earlier, _ = start(open_device("cuda:0", 1), "recipe", RecipeName.FAST)
    make_steps(earlier, torch.device("cuda:0"))
    cycle: list[object] = [earlier]
    cycle.append(cycle)
    thresholds = gc.get_threshold()
    gc.disable()
    del cycle, earlier
    gc.set_threshold(1)
    gc.enable()
    try:
        step, _ = start(open_device("cuda:0", 1), "recipe", RecipeName.FAST)
        make_steps(step, torch.device("cuda:0"))
    finally:
        gc.set_threshold(*thresholds)
    assert step.graph_count > 0


def test_float16_where_there_is_no_bfloat16(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    trained = run_training(workshop.request(workshop.spec(epochs=6), device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_images_that_grow(workshop: Workshop) -> None:
    spec = workshop.spec(recipe="fast", epochs=6, image_size=32)
    trained = run_training(workshop.request(spec, device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_a_lack_of_memory_halves_what_goes_through_the_network_at_once(workshop: Workshop) -> None:
    little = 2e9 / torch.cuda.get_device_properties(0).total_memory
    spec = workshop.spec(epochs=6, batch_size=48, image_size=224)  # some 5 GB at once
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(little)
    try:
        trained = run_training(workshop.request(spec, device="cuda:0"), Recorder())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert trained.metrics.batch_parts > 1
    assert trained.metrics.test_accuracy > 1 / 3
