"""The statistics of a paired comparison: exact McNemar test, and the interval of a difference by paired bootstrap."""
# ruff: noqa: N803, N815 - shapes in names: units_N

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.comparison.result import MIN_GROUPS
from model.evaluation.intervals import RESAMPLES, Interval

_TAIL = 0.025
_ROUNDING = 1e-12
_NUMBERS_AT_ONCE = 2**22
_BISECTIONS = 60
_FEW_UNITS = 14
"""On so few groups all signs that the differences may have can be tried: 2 ** 14 sums."""


@dataclass(frozen=True)
class PairedScores:
    """What two models score on the same images; higher is better."""

    candidate_N: NDArray[np.float64]
    current_N: NDArray[np.float64]
    classes_N: NDArray[np.int64]
    """Scores are averaged within each class, then over the classes that have images; all zero: a plain mean."""
    units_N: NDArray[np.int64]
    """The number of each image's group of near-duplicates, from 0 and without gaps; an image alone is a group."""

    @property
    def units(self) -> int:
        """Number of groups."""
        return int(self.units_N.max()) + 1

    def mean(self, scores_N: NDArray[np.float64]) -> float:
        """Return the mean of the scores of one model."""
        sums_C, images_C = (np.bincount(self.classes_N, weights=part_N) for part_N in (scores_N, None))
        return float((sums_C[images_C > 0] / images_C[images_C > 0]).mean())


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact two-sided test (a binomial test of p = 1/2 on the discordant pairs).

    Args:
        only_first: images that only the first model gets right.
        only_second: images that only the second one gets right.
    """
    return min(1.0, 2 * _binomial_cdf(min(only_first, only_second), only_first + only_second, 0.5))


def difference_interval(scores: PairedScores) -> Interval:
    """Return the 95 % interval of the difference of the means, candidate minus current.

    Paired percentile bootstrap: groups are drawn with replacement, 10,000 times with a fixed seed. Where the scores are
    0 or 1 and averaged plainly, the interval contains that of the exact McNemar test, too: a few images that all say the
    same give equal draws, which would be a certainty. For the same reason it contains 0 where the models differ on few
    groups, unless an exact permutation test of the signs of these differences finds them significant.
    """
    differences_N = scores.candidate_N - scores.current_N
    low, high = (
        float(end) for end in np.quantile(_drawn_differences(scores, differences_N), [_TAIL, 1 - _TAIL])
    )
    few_low, few_high = _interval_of_few(_shares_of_units(scores, differences_N))
    low, high = min(low, few_low), max(high, few_high)
    if scores.classes_N.any() or not np.isin(differences_N, (-1, 0, 1)).all():
        return low, high
    exact_low, exact_high = _exact_interval(int((differences_N > 0).sum()), int((differences_N < 0).sum()))
    return min(low, exact_low / len(differences_N)), max(high, exact_high / len(differences_N))


def _shares_of_units(scores: PairedScores, differences_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each group on which the models differ adds to the difference of the means."""
    images_C = np.bincount(scores.classes_N)
    weights_N = 1 / images_C[scores.classes_N] / (images_C > 0).sum()
    shares_U = np.bincount(scores.units_N, weights=weights_N * differences_N).astype(np.float64)
    return shares_U[np.abs(shares_U) > _ROUNDING]


def _interval_of_few(shares_D: NDArray[np.float64]) -> Interval:
    """Return an interval of the sum of the shares; 0 is in it unless their signs are significant. Of many it has no width."""
    difference = float(shares_D.sum())
    if not 0 < len(shares_D) <= _FEW_UNITS:
        return difference, difference
    signs_RD = 1 - 2.0 * (np.arange(2 ** len(shares_D))[:, None] >> np.arange(len(shares_D)) & 1)
    sums_R = signs_RD @ np.abs(shares_D)
    exact_low, exact_high = _exact_interval(int((shares_D > 0).sum()), int((shares_D < 0).sum()))
    size = float(np.abs(shares_D).mean())
    is_better = (sums_R >= difference - _ROUNDING).mean() <= _TAIL
    is_worse = (sums_R <= difference + _ROUNDING).mean() <= _TAIL
    low = difference if is_better else min(0.0, size * exact_low)
    return low, difference if is_worse else max(0.0, size * exact_high)


def _drawn_differences(scores: PairedScores, differences_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the difference of the means in each draw."""
    random = np.random.default_rng(0)
    kinds = _kinds_of_units(scores, differences_N)
    images_TC, sums_TC, counts_T = kinds
    units, is_each_its_own = scores.units, len(counts_T) == scores.units
    rows = max(1, _NUMBERS_AT_ONCE // max(len(counts_T), units if is_each_its_own else 1))
    found = []
    for begin in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - begin)
        if is_each_its_own and images_TC.shape[1] == 1:
            drawn_RU = random.integers(units, size=(count, units))
            found.append(sums_TC[drawn_RU, 0].sum(1) / images_TC[drawn_RU, 0].sum(1))
            continue
        # To draw groups of few kinds is to draw how many there are of each kind.
        drawn_RT = random.multinomial(units, counts_T / units, size=count).astype(np.float64)
        images_RC, sums_RC = drawn_RT @ images_TC, drawn_RT @ sums_TC
        has_images_RC = images_RC > 0
        means_RC = np.divide(sums_RC, images_RC, out=np.zeros_like(sums_RC), where=has_images_RC)
        found.append(means_RC.sum(1) / has_images_RC.sum(1))
    return np.concatenate(found)


def _kinds_of_units(
    scores: PairedScores, differences_N: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the images [T, C] and the sum of differences [T, C] of each kind of group, and the groups of each kind."""
    order_N = np.lexsort((differences_N, scores.classes_N, scores.units_N))
    members: list[list[tuple[int, float]]] = [[] for _ in range(scores.units)]
    columns = (scores.units_N[order_N], scores.classes_N[order_N], differences_N[order_N])
    for unit, class_, difference in zip(*(column.tolist() for column in columns), strict=True):
        members[unit].append((class_, difference))
    kinds: dict[tuple[tuple[int, float], ...], int] = {}
    for group in map(tuple, members):
        kinds[group] = kinds.get(group, 0) + 1
    images_TC = np.zeros((len(kinds), int(scores.classes_N.max()) + 1))
    sums_TC = np.zeros_like(images_TC)
    for kind, group in enumerate(kinds):
        for class_, difference in group:
            images_TC[kind, class_] += 1
            sums_TC[kind, class_] += difference
    return images_TC, sums_TC, np.array(list(kinds.values()), dtype=np.int64)


def images_needed(difference: float, low: float, margin: float, units: int, images: int) -> int | None:
    """Estimate how many images it takes to show a difference of this size; None when no number would show it.

    The width of an interval falls with the square root of the number of images.
    """
    if difference <= margin:
        return None
    needed_units = max(MIN_GROUPS, math.ceil(units * ((difference - low) / (difference - margin)) ** 2))
    return math.ceil(needed_units * images / units)


def _exact_interval(better: int, worse: int) -> Interval:
    """Return the 95 % interval of `better - worse`, given how many images differ (Clopper and Pearson, 1934)."""
    discordant = better + worse
    if not discordant:
        return 0.0, 0.0
    low = _solve(lambda p: 1 - _binomial_cdf(better - 1, discordant, p), is_rising=True) if better else 0.0
    high = _solve(lambda p: _binomial_cdf(better, discordant, p), is_rising=False) if worse else 1.0
    return discordant * (2 * low - 1), discordant * (2 * high - 1)


def _solve(tail: Callable[[float], float], *, is_rising: bool) -> float:
    """Return the probability for which a tail is 2.5 %, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if (tail(middle) < _TAIL) == is_rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _binomial_cdf(successes: int, trials: int, probability: float) -> float:
    """Return the probability of at most this number of successes, from logarithms, because the factors overflow."""
    if successes < 0:
        return 0.0
    if successes >= trials:
        return 1.0
    counts_N = np.arange(successes + 1)
    odds = math.log(probability) - math.log1p(-probability)
    steps_N = np.log(trials - counts_N[:-1]) - np.log(counts_N[1:]) + odds
    terms_N = np.concatenate([[0.0], np.cumsum(steps_N)]) + trials * math.log1p(-probability)
    highest = terms_N.max()
    return min(1.0, float(np.exp(terms_N - highest).sum() * math.exp(highest)))
