import numpy as np
import pytest

from model.evaluation.intervals import f1_interval, grouped_interval, share_interval, wilson_interval


@pytest.mark.parametrize(
    ("accuracy", "count", "low", "high"),
    [(0.5, 100, 0.4038, 0.5962), (0.9, 1000, 0.8799, 0.9171), (1.0, 20, 0.8389, 1.0), (0.0, 20, 0.0, 0.1611)],
)
def test_the_wilson_interval_has_the_known_limits(
    accuracy: float, count: int, low: float, high: float
) -> None:
    assert wilson_interval(accuracy, count) == pytest.approx((low, high), abs=2e-4)


def test_the_interval_of_all_right_ends_at_1_exactly_and_of_none_at_0() -> None:
    for count in range(1, 200):
        assert wilson_interval(1.0, count)[1] == 1
        assert wilson_interval(0.0, count)[0] == 0


def test_no_images_have_no_interval() -> None:
    assert share_interval(0, 0) is None
    assert f1_interval(0, 0) is None


def test_the_interval_of_an_f1_score_covers_it_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    # Of 200 images 60 belong to the class; it is recognised 8 times in 10, and 1 of 10 others is taken for it.
    right, missed, false = 0.3 * 0.8, 0.3 * 0.2, 0.7 * 0.1
    true_f1 = 2 * right / (2 * right + missed + false)
    draws = random.multinomial(200, [right, missed, false, 1 - right - missed - false], size=2000)
    intervals = [f1_interval(int(tp), int(fn + fp)) for tp, fn, fp, _ in draws]
    covered = np.mean(
        [interval is not None and interval[0] <= true_f1 <= interval[1] for interval in intervals]
    )
    assert 0.93 < covered < 0.97


def test_images_in_groups_say_less_than_as_many_images_alone() -> None:
    is_right_N = np.arange(400) % 5 != 0
    alone = grouped_interval(is_right_N, np.full(400, -1, np.int32))
    assert alone == pytest.approx(wilson_interval(0.8, 400), abs=0.01)
    # Each image four times: the accuracy is known as well as from 100 images.
    copies = grouped_interval(np.repeat(is_right_N[:100], 4), np.repeat(np.arange(100, dtype=np.int32), 4))
    assert copies == pytest.approx(wilson_interval(0.8, 100), abs=0.02)


def test_groups_that_are_all_right_have_the_interval_of_as_many_images() -> None:
    groups_N = np.array([0, 0, 0, 1, 1, -1, -1], np.int32)
    assert grouped_interval(np.ones(7, bool), groups_N) == wilson_interval(1.0, 4)
