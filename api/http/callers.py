"""Who sends a request, and how the caller marks a request as a repetition of an earlier one."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from worker.redis_server.projects import DEFAULT_PROJECT

CALLER = "ninefold.caller"
"""Key of the caller in the ASGI scope; the guard sets it."""


@dataclass(frozen=True)
class Principal:
    """The holder of a key, or anybody when the service has no keys."""

    key_id: str
    """Names the key; `anonymous` when the service has no keys."""
    name: str
    """Is recorded as `created_by`."""
    project: str = DEFAULT_PROJECT
    """Everything that the caller makes or sees belongs to this project."""


async def _caller(request: Request) -> Principal:
    caller: Principal = request.scope[CALLER]
    return caller


Caller = Annotated[Principal, Depends(_caller)]
"""The caller of the request."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Any string of your choice: a repeated request with the same key gets the first answer again.",
    ),
]
