"""The same loop on a CUDA device: `python -m pytest -m gpu`. Without a device these fail, they are never skipped."""

import pytest

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
