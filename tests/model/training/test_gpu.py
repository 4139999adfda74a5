"""The same loop on a CUDA device: `python -m pytest -m gpu`. Without a device these fail, they are never skipped."""

import gc
from dataclasses import replace

import pytest
import torch

from model.device.device import open_device
from model.spec import RecipeName
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_no_synchronisation import make_steps, start

pytestmark = pytest.mark.gpu

LOSS_TOLERANCE = 0.05
"""Largest difference between the last losses of two equal trainings: sums are computed in a varying order, and half
precision rounds."""


def test_learns_what_the_cpu_learns(tiny_training: TinyTraining) -> None:
    recorder = Recorder()
    trained = run_training(tiny_training.request(tiny_training.spec(epochs=6), device="cuda:0"), recorder)
    assert trained.metrics.test_accuracy == 1
    assert all(tensor.device.type == "cpu" for tensor in trained.state_dict.values())
    assert recorder.rows[-1].peak_memory_mb


def test_a_resumed_training_ends_with_about_the_same_loss(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(epochs=6)
    uninterrupted, resumed = Recorder(), Recorder()
    run_training(tiny_training.request(spec, device="cuda:0"), uninterrupted)
    saved = tiny_training.drain(spec, before_step=20, device="cuda:0").saved[-1].key
    run_training(tiny_training.request(spec, device="cuda:0", resume_from=saved), resumed)
    assert resumed.rows[-1].train_loss == pytest.approx(uninterrupted.rows[-1].train_loss, abs=LOSS_TOLERANCE)


@pytest.mark.parametrize("recipe", list(RecipeName))
def test_steps_replayed_as_cuda_graphs_train_like_launched_ones(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch, recipe: RecipeName
) -> None:
    spec = tiny_training.spec(recipe=recipe, epochs=8, image_size=32)
    replayed, launched = Recorder(), Recorder()
    run_training(tiny_training.request(spec, device="cuda:0"), replayed)
    monkeypatch.setattr(
        "model.training.rank.open_device", lambda *named: replace(open_device(*named), uses_cuda_graphs=False)
    )
    run_training(tiny_training.request(spec, device="cuda:0"), launched)
    for one, other in zip(replayed.rows, launched.rows, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=LOSS_TOLERANCE)
        assert one.learning_rate == pytest.approx(other.learning_rate)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=0.2)


def test_garbage_collected_graphs_do_not_disturb_a_recording() -> None:
    earlier, _ = start(open_device("cuda:0", 1), "recipe", RecipeName.FAST)
    make_steps(earlier)
    cycle: list[object] = [earlier]
    cycle.append(cycle)
    thresholds = gc.get_threshold()
    gc.disable()
    del cycle, earlier
    gc.set_threshold(1)
    gc.enable()
    try:
        step, _ = start(open_device("cuda:0", 1), "recipe", RecipeName.FAST)
        make_steps(step)
    finally:
        gc.set_threshold(*thresholds)
    assert step.graph_count > 0


def test_trains_in_float16_on_gpus_without_bfloat16(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    trained = run_training(tiny_training.request(tiny_training.spec(epochs=6), device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_trains_with_progressive_resizing(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(recipe="fast", epochs=6, image_size=32)
    trained = run_training(tiny_training.request(spec, device="cuda:0"), Recorder())
    assert trained.metrics.test_accuracy == 1


def test_too_little_memory_splits_batches_into_micro_batches(tiny_training: TinyTraining) -> None:
    little = 2e9 / torch.cuda.get_device_properties(0).total_memory
    spec = tiny_training.spec(
        epochs=6, batch_size=48, image_size=224
    )  # needs about 5 GB without micro-batches
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(little)
    try:
        trained = run_training(tiny_training.request(spec, device="cuda:0"), Recorder())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert trained.metrics.batch_parts > 1
    assert trained.metrics.test_accuracy > 1 / 3
