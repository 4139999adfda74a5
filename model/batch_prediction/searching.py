"""Finds rows by their columns: those that match a filter, in an order, and how many of them there are by label and score."""
# ruff: noqa: N802, N803 - shapes in names

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.batch_prediction.columns import NO_LABEL, Columns
from model.batch_prediction.filters import RowFilter, RowOrder, RowStatus
from model.batch_prediction.rows import PART_ROWS

BINS = 20
"""Of scores, each 5 % wide."""


@dataclass(frozen=True)
class RowCounts:
    """How many rows match a filter."""

    images: int
    failed: int
    abstained: int
    labels: dict[str, int]
    """By label, of the rows that match all but the filter's label."""
    bins: list[int]
    """By score, from 0 to 1, of the rows that match all but the filter's bounds of the score."""


class UnknownRowError(ValueError):
    """Raised when a page shall begin behind a row that does not match the filter."""


def find_rows(
    columns: Columns, wanted: RowFilter, order: RowOrder, after: int | None, limit: int | None
) -> list[list[int]]:
    """Return the indices of the rows that match, in this order: by their parts in the order of the images, else in one piece.

    Args:
        columns: of all rows.
        wanted: what they must match.
        order: which comes first.
        after: the index of the row behind which they begin; None for the first one.
        limit: maximum number; None for all.

    Raises:
        UnknownRowError: in an order by score, the row `after` does not match.
    """
    found_M = np.flatnonzero(_matching_N(columns, wanted))
    if order is RowOrder.INDEX:
        start = 0 if after is None else int(np.searchsorted(found_M, after, side="right"))
    else:
        scores_M = columns.scores_N[found_M]
        found_M = found_M[
            np.argsort(scores_M if order is RowOrder.LOWEST else -scores_M, kind="stable")
        ]  # NaN is last
        start = 0 if after is None else _place(found_M, after) + 1
    found_M = found_M[start : None if limit is None else start + limit]
    if not len(found_M) or order is not RowOrder.INDEX:
        return [found_M.tolist()] if len(found_M) else []
    begins = np.flatnonzero(np.diff(found_M // PART_ROWS)) + 1
    return [piece_M.tolist() for piece_M in np.split(found_M, begins)]


def count_rows(columns: Columns, wanted: RowFilter) -> RowCounts:
    """Count the rows that match."""
    taken_N = _matching_N(columns, wanted)
    any_score = replace(wanted, below=None, above=None)
    scores = columns.scores_N[_matching_N(columns, any_score) & (columns.labels_N != NO_LABEL)]
    return RowCounts(
        images=int(taken_N.sum()),
        failed=int((taken_N & (columns.labels_N == NO_LABEL)).sum()),
        abstained=int((taken_N & columns.abstained_N).sum()),
        labels=columns.count_labels(_matching_N(columns, replace(wanted, label=None))),
        bins=np.histogram(scores, np.arange(BINS + 1) / BINS)[0].tolist(),
    )


def _place(found_M: NDArray[np.int64], after: int) -> int:
    places = np.flatnonzero(found_M == after)
    if not len(places):
        raise UnknownRowError
    return int(places[0])


def _matching_N(columns: Columns, wanted: RowFilter) -> NDArray[np.bool_]:
    """Return for each row whether it matches. NaN, the score of a file with an error, is within no bounds."""
    taken_N = np.ones(len(columns), np.bool_)
    if wanted.label is not None:
        known = wanted.label in columns.labels
        taken_N &= columns.labels_N == columns.labels.index(wanted.label) if known else False
    if wanted.below is not None:
        taken_N &= columns.scores_N < wanted.below
    if wanted.above is not None:
        taken_N &= columns.scores_N >= wanted.above
    if wanted.status is not None:
        taken_N &= (columns.labels_N != NO_LABEL) == (wanted.status is RowStatus.OK)
    if wanted.abstained is not None:
        taken_N &= (columns.abstained_N == wanted.abstained) & (columns.labels_N != NO_LABEL)
    return taken_N
