"""Limits on the time that requests wait in the predictor, and on their bytes."""

from contextlib import ExitStack

import pytest

from api.predictor.errors import OverloadedError
from api.predictor.serving.admission import (
    BACKGROUND_AFTER_S,
    BACKGROUND_SHARE,
    Admission,
    AdmissionLimits,
)
from api.predictor.serving.speeds import Kind, Queue, QueueSpeeds

A, B, FIRST, SECOND = (Queue(f"mdl_{name}") for name in ("a", "b", "1", "2"))


def admission_of(image_s: float = 0.1, limits: AdmissionLimits | None = None) -> Admission:
    """An admission whose models all take this long for an image."""
    return Admission(QueueSpeeds(initial_image_s=image_s), limits)


def admitted(admission: Admission, queue: Queue, images: int = 1, most: int = 1000) -> int:
    """How many requests are admitted before the first refusal; none of them is answered meanwhile."""
    with ExitStack() as stack:
        for count in range(most):
            try:
                stack.enter_context(admission.admit(queue, images, 1))
            except OverloadedError:
                return count
    return most


def test_a_request_that_would_wait_too_long_is_refused_with_the_time_that_the_queue_takes() -> None:
    admission = admission_of()
    with ExitStack() as stack:
        for _ in range(34):
            stack.enter_context(admission.admit(A, 1, 100))
        answers = set[int | None]()
        for _ in range(50):
            with pytest.raises(OverloadedError, match=r"Requests wait 5\.1 s now") as refused:
                stack.enter_context(admission.admit(A, 1, 100))
            answers.add(refused.value.retry_after_s)
    assert answers == {6, 7, 8}  # at least the wait, and callers do not return all at once
    assert admission.refused == 50
    assert admission.images == 0
    assert admitted(admission, A) == 34


def test_a_request_of_any_size_is_admitted_when_little_waits_and_delays_small_ones_hardly() -> None:
    admission = admission_of()
    with admission.admit(A, 1, 100), admission.admit(A, 500, 100):
        assert admission.expected_wait_s(A, 1) == pytest.approx(0.3)  # one turn of each, and a batch
        with pytest.raises(OverloadedError):  # a second large one would wait for all of the first
            admission.admit(A, 500, 100).__enter__()
        assert admitted(admission, A) > 30


def test_the_queue_of_one_model_delays_another_by_its_turns_only() -> None:
    admission = admission_of(image_s=0.01)
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(admission.admit(A, 1, 1))
        assert admission.expected_wait_s(B, 1) == pytest.approx(0.64)  # one batch
        assert admission.longest_wait_s == pytest.approx(4 + 0.32)
        stack.enter_context(admission.admit(B, 1, 1))


def test_images_that_are_slow_to_decode_delay_others_by_their_inference_only() -> None:
    speeds, large = QueueSpeeds(), Queue(A.model, Kind.LARGE)
    speeds.add_image(large, 2.0, 0.01)
    speeds.add_image(A, 0.0, 0.01)
    admission = Admission(speeds)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(admission.admit(large, 1, 1))
        assert admission.expected_wait_s(large, 1) == pytest.approx(3 * 2.01 + 1.5 * 0.01)
        assert admission.expected_wait_s(A, 1) == pytest.approx(3 * 0.01)


def test_a_request_is_refused_if_its_deadline_ends_before_its_turn() -> None:
    admission = admission_of()
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(admission.admit(A, 1, 1))
        with pytest.raises(OverloadedError, match="timeout_ms"):
            stack.enter_context(admission.admit(A, 1, 1, deadline_s=1))
        stack.enter_context(admission.admit(A, 1, 1, deadline_s=4))


def test_the_images_of_a_model_are_limited_however_fast_it_is() -> None:
    assert admitted(admission_of(0.0, AdmissionLimits(images_per_queue=10)), A, images=4) == 3


def test_admission_counts_bytes_over_all_models() -> None:
    admission = admission_of(limits=AdmissionLimits(total_bytes=1000))
    with admission.admit(A, 1, 900), pytest.raises(OverloadedError, match="bytes"):
        admission.admit(B, 1, 200).__enter__()


def test_the_speed_of_a_model_is_measured_and_a_new_version_starts_with_the_speed_of_the_last() -> None:
    speeds = QueueSpeeds()
    admission = Admission(speeds)
    assert admitted(admission, FIRST) == 469  # nothing is known yet
    speeds.add_image(FIRST, 0.2, 0.3)
    assert admitted(admission, FIRST) == admitted(admission, SECOND) == 8
    speeds.add_image(SECOND, 0.0, 0.05)
    assert admitted(admission, FIRST) == 8
    assert admitted(admission, SECOND) == 69
    for _ in range(200):  # one slow image, such as one during which the machine slept, is soon forgotten
        speeds.add_image(FIRST, 0.0, 0.05)
    assert admitted(admission, FIRST) > 60


def test_work_for_which_nobody_waits_is_admitted_only_after_a_moment_without_other_work() -> None:
    now = 100.0
    admission = Admission(QueueSpeeds(), clock=lambda: now)
    with admission.admit_background(), pytest.raises(OverloadedError):
        admission.admit_background().__enter__()  # one at a time
    with admission.admit(A, 1, 100):
        assert not admission.is_idle
        with pytest.raises(OverloadedError):
            admission.admit_background().__enter__()
    assert not admission.is_idle
    now += BACKGROUND_AFTER_S
    with admission.admit_background(), admission.admit(A, 1, 100):  # it holds up nothing
        now += 0.1
    now += 0.1 / BACKGROUND_SHARE - 0.01
    assert not admission.is_idle  # it took a tenth of a second of the last two
    now += 0.02
    assert admission.is_idle
