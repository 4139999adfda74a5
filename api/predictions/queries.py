"""The query parameters that choose rows of a batch prediction."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from api.http.errors import invalid_field
from model.batch_prediction.filters import RowFilter, RowOrder, RowStatus

MOST_ORDERED = 200
"""Rows of an answer that is ordered by score: each may lie in another part."""


@dataclass(frozen=True)
class RowFilterQuery:
    """Which rows."""

    label: Annotated[str | None, Query(max_length=1000, description="Only rows with this label.")] = None
    below: Annotated[float | None, Query(ge=0, le=1, description="Only scores below it.")] = None
    above: Annotated[float | None, Query(ge=0, le=1, description="Only scores of at least it.")] = None
    status: Annotated[
        RowStatus | None, Query(description="ok: only classified files; error: the others.")
    ] = None
    abstained: Annotated[
        bool | None, Query(description="true: only answers that abstained; false: only the other answers.")
    ] = None

    @property
    def filter(self) -> RowFilter:
        """What rows must match."""
        return RowFilter(self.label, self.below, self.above, self.status, self.abstained)


@dataclass(frozen=True)
class RowQuery(RowFilterQuery):
    """Which rows, in which order, from where, how many."""

    order: Annotated[
        RowOrder,
        Query(
            description=f"index: as the images; lowest, highest: by score, with a limit of {MOST_ORDERED} at most."
        ),
    ] = RowOrder.INDEX
    after: Annotated[int | None, Query(ge=0, description="The index of the last row that you have.")] = None
    limit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Maximum number of rows; default: all.")
    ] = None

    def check(self) -> None:
        """Raise InvalidRequestError for more rows than are ordered by score."""
        if self.order is not RowOrder.INDEX and (self.limit is None or self.limit > MOST_ORDERED):
            raise invalid_field(
                "limit", f"Rows by score are read in pages: pass limit={MOST_ORDERED} or less."
            )
