"""The query parameters of batch predictions: how a zip is classified, and which rows are read."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from api.http.errors import invalid_field
from api.predictions.schemas import Coverage, MinScore, TopK, Tta
from model.batch_prediction.filters import RowFilter, RowOrder, RowStatus
from model.batch_prediction.options import PredictionOptions

MOST_ORDERED = 200
"""Rows of an answer that is ordered by score: each may lie in another part."""


@dataclass(frozen=True)
class ZipQuery:
    """How the images of a zip shall be classified; a JSON body says the same itself."""

    model: Annotated[
        str | None,
        Query(max_length=200, description="A model id, name, name:version or name@alias; needed with a zip."),
    ] = None
    top_k: Annotated[TopK | None, Query()] = None
    min_score: Annotated[MinScore | None, Query()] = None
    tta: Annotated[Tta | None, Query()] = None
    coverage: Annotated[Coverage | None, Query()] = None

    def refuse(self) -> None:
        """Raise InvalidRequestError if anything is set."""
        if self != ZipQuery():
            raise invalid_field(
                "model", "Say model and options in the JSON body; the query has them with a zip."
            )

    def read(self) -> tuple[str, PredictionOptions]:
        """Return the reference of the model and the options; raises InvalidRequestError without a model."""
        if self.model is None:
            raise invalid_field(
                "model", "Name the model that shall classify the images of the zip: ?model=flowers."
            )
        options = PredictionOptions(
            top_k=self.top_k or 5, min_score=self.min_score, tta=bool(self.tta), coverage=self.coverage
        )
        return self.model, options


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
