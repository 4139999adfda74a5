"""The type of a stored value that a later version may have added to an enumeration."""

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

E = TypeVar("E", bound=StrEnum)

OrLater = Annotated[E | str, Field(union_mode="left_to_right")]
"""A member of the enumeration where this version knows the value, else the value as text, which is kept."""
