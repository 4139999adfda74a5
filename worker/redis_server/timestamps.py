"""The form of every time in a record: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def format_time(moment: datetime) -> str:
    """Format a time as records store it, such as `2026-01-31T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def now() -> str:
    """Return the current time as records store it."""
    return format_time(utc_now())


Timestamp = Annotated[datetime, PlainSerializer(format_time, when_used="json")]
