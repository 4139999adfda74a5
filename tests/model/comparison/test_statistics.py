"""The paired statistics, against scipy, known values and brute force."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from model.comparison.statistics import (
    PairedScores,
    difference_interval,
    images_needed,
    mcnemar_p_value,
)

Floats = NDArray[np.float64]


def scores(candidate: Floats, current: Floats, units: object = None, classes: object = None) -> PairedScores:
    count = len(candidate)
    return PairedScores(
        candidate.astype(np.float64),
        current.astype(np.float64),
        np.zeros(count, np.int64) if classes is None else np.asarray(classes, np.int64),
        np.arange(count) if units is None else np.asarray(units, np.int64),
    )


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (5, 0), (0, 6), (10, 10), (12, 3), (121, 59), (4000, 4200)]
)
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    from scipy.stats import binomtest  # type: ignore[import-untyped]  # noqa: PLC0415 - no types; the import takes 2 s

    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_p_value(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_a_textbook_example() -> None:
    # Agresti, Categorical Data Analysis, approval of a prime minister: 86 and 150 changed their mind.
    assert mcnemar_p_value(86, 150) == pytest.approx(3.7e-5, rel=0.05)


def random_results(seed: int, count: int, gain: float) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    difficulty = random.random(count)
    return (random.random(count) < difficulty + gain).astype(float), (
        random.random(count) < difficulty
    ).astype(float)


@pytest.mark.parametrize("gain", [0.0, 0.05, 0.2])
def test_the_interval_of_single_images_is_that_of_a_plain_bootstrap(gain: float) -> None:
    candidate, current = random_results(1, 400, gain)
    low, high = difference_interval(scores(candidate, current))
    random = np.random.default_rng(7)
    drawn = random.integers(400, size=(20_000, 400))
    expected = np.quantile((candidate - current)[drawn].mean(1), [0.025, 0.975])
    assert (low, high) == pytest.approx(expected, abs=0.006)


def test_a_better_lower_end_means_a_significant_mcnemar_test() -> None:
    for better, worse in itertools.product(range(9), range(4)):
        candidate = np.array([1.0] * better + [0.0] * worse + [1.0] * 12)
        current = np.array([0.0] * better + [1.0] * worse + [1.0] * 12)
        low, high = difference_interval(scores(candidate, current))
        assert low <= (better - worse) / len(candidate) <= high
        if low > 0:
            assert mcnemar_p_value(better, worse) < 0.05


def test_three_images_that_agree_prove_nothing() -> None:
    low, high = difference_interval(scores(np.ones(3), np.zeros(3)))
    assert low < 0 < high == 1


@pytest.mark.parametrize(("better", "is_shown"), [(3, False), (5, False), (6, True), (20, True)])
def test_few_images_that_agree_prove_nothing_by_class_or_by_group_either(better: int, is_shown: bool) -> None:
    candidate, current = np.ones(60), np.where(np.arange(60) < better, 0.0, 1.0)
    by_class = difference_interval(scores(candidate, current, classes=np.arange(60) % 3))
    by_group = difference_interval(scores(candidate.repeat(4), current.repeat(4), np.arange(60).repeat(4)))
    for low, high in (by_class, by_group):
        assert (low > 0) is is_shown
        assert high > better / 60
    worse_low, worse_high = difference_interval(scores(current, candidate, classes=np.arange(60) % 3))
    assert (worse_low, worse_high) == pytest.approx((-by_class[1], -by_class[0]), abs=0.01)


def test_a_significant_class_is_not_hidden_by_many_undecided_images_of_another() -> None:
    classes = np.array([0] * 1000 + [1] * 10)
    candidate = np.array([1.0, 0.0] * 4 + [1.0] * 992 + [1.0] * 10)
    current = np.array([0.0, 1.0] * 4 + [1.0] * 992 + [0.0] * 6 + [1.0] * 4)
    assert difference_interval(scores(candidate, current, classes=classes))[0] > 0


def test_copies_of_the_same_images_do_not_narrow_the_interval() -> None:
    candidate, current = random_results(3, 100, 0.1)
    once = difference_interval(scores(candidate, current))
    units = np.repeat(np.arange(100), 10)
    often = difference_interval(scores(candidate.repeat(10), current.repeat(10), units))
    naive = difference_interval(scores(candidate.repeat(10), current.repeat(10)))
    assert often == pytest.approx(once, abs=0.02)
    assert naive[1] - naive[0] < 0.5 * (often[1] - often[0])


def test_classes_count_equally_whatever_their_size() -> None:
    candidate, current = random_results(4, 300, 0.1)
    classes = np.array([0] * 280 + [1] * 20)
    paired = scores(candidate, current, classes=classes)
    means = [np.mean([part[classes == one].mean() for one in (0, 1)]) for part in (candidate, current)]
    assert (paired.mean(candidate), paired.mean(current)) == pytest.approx(means)
    low, high = difference_interval(paired)
    assert low < means[0] - means[1] < high
    random = np.random.default_rng(5)
    drawn = random.integers(300, size=(10_000, 300))
    weights = np.stack([np.where(classes == one, 1.0, np.nan) for one in (0, 1)])
    difference = candidate - current
    expected = np.quantile(
        np.nanmean([np.nanmean((difference * row)[drawn], 1) for row in weights], 0), [0.025, 0.975]
    )
    assert (low, high) == pytest.approx(expected, abs=0.02)


def test_the_interval_of_a_continuous_score() -> None:
    random = np.random.default_rng(6)
    current = random.normal(size=500)
    candidate = current + random.normal(0.1, 0.5, size=500)
    low, high = difference_interval(scores(candidate, current))
    error = 1.96 * (candidate - current).std() / np.sqrt(500)
    middle = (candidate - current).mean()
    assert (low, high) == pytest.approx((middle - error, middle + error), abs=0.005)


def test_the_needed_number_of_images() -> None:
    assert images_needed(0.02, -0.02, 0.0, 500, 500) == 2000
    assert images_needed(0.02, -0.02, 0.0, 250, 500) == 2000
    assert images_needed(0.0, -0.02, 0.0, 500, 500) is None
    assert images_needed(0.02, -0.02, 0.02, 500, 500) is None
    assert images_needed(1.0, 0.5, 0.0, 3, 3) == 20
