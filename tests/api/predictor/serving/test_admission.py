"""Limits on the images and bytes that wait in the predictor."""

import pytest

from api.predictor.errors import OverloadedError
from api.predictor.serving.admission import BACKGROUND_AFTER_S, BACKGROUND_SHARE, Admission, Throughput


def test_admission_counts_images_per_model_and_says_when_to_retry() -> None:
    throughput = Throughput(initial_images_per_s=4.0)
    admission = Admission(throughput, images_per_model=10)
    with admission.admit("mdl_a", 9, 100):
        with pytest.raises(OverloadedError, match="Try again in 3 s") as refused:
            admission.admit("mdl_a", 2, 100).__enter__()
        assert refused.value.retry_after_s == 3  # 9 images at 4 images per second
        with admission.admit("mdl_b", 10, 100):  # the limit holds for each model separately
            assert admission.images == 19
    with admission.admit("mdl_a", 99, 100):  # an empty queue admits a request of any size
        pass
    assert admission.images == 0


def test_admission_counts_bytes_over_all_models() -> None:
    admission = Admission(Throughput(), total_bytes=1000)
    with admission.admit("mdl_a", 1, 900), pytest.raises(OverloadedError, match="bytes"):
        admission.admit("mdl_b", 1, 200).__enter__()


def test_the_throughput_converges_to_the_measured_rate() -> None:
    throughput = Throughput(initial_images_per_s=100)
    for _ in range(30):
        throughput.add_batch(images=10, duration_s=1)
    assert throughput.images_per_s == pytest.approx(10, rel=0.05)


def test_work_for_which_nobody_waits_is_admitted_only_after_a_moment_without_other_work() -> None:
    now = 100.0
    admission = Admission(Throughput(), clock=lambda: now)
    with admission.admit_background(), pytest.raises(OverloadedError):
        admission.admit_background().__enter__()  # one at a time
    with admission.admit("mdl_a", 1, 100):
        assert not admission.is_idle
        with pytest.raises(OverloadedError):
            admission.admit_background().__enter__()
    assert not admission.is_idle
    now += BACKGROUND_AFTER_S
    with admission.admit_background(), admission.admit("mdl_a", 1, 100):  # it holds up nothing
        now += 0.1
    now += 0.1 / BACKGROUND_SHARE - 0.01
    assert not admission.is_idle  # it took a tenth of a second of the last two
    now += 0.02
    assert admission.is_idle
