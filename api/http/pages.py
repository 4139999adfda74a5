"""Pages of lists: the answer and the query parameters that choose a page."""

from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of items.")]
After = Annotated[str, Query(max_length=100, description="The id of the last item that you have.")]


class Page(BaseModel, Generic[T]):
    """A page of a list. To get the next page, pass the last item's id as `after`."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
