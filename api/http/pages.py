"""Pages of lists: the answer and the query parameters that choose a page."""

import re
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of items.")]
After = Annotated[str, Query(max_length=100, description="The id of the last item that you have.")]


def after_id(prefix: str) -> AfterValidator:
    """Check `after` of a list whose ids are this prefix and 26 characters: `Annotated[After, after_id("job_")]`."""

    def check(item_id: str) -> str:
        if not re.fullmatch(f"{prefix}[0-9a-z]{{26}}", item_id):
            raise ValueError(f"pass the id of the last item that you have: {prefix}…")
        return item_id

    return AfterValidator(check)


class Page(BaseModel, Generic[T]):
    """A page of a list. To get the next page, pass the last item's id as `after`."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
