"""Who sends a request, and how the caller marks a request as a repetition of an earlier one."""

from typing import Annotated

from fastapi import Depends, Header, Request

CALLER = "ninefold.caller"
"""Key of the caller's name in the ASGI scope; the guard sets it."""


async def _caller(request: Request) -> str:
    caller: str = request.scope[CALLER]
    return caller


Caller = Annotated[str, Depends(_caller)]
"""The name of the caller's key, or `anonymous` when the service has no keys."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Any string of your choice: a repeated request with the same key gets the first answer again.",
    ),
]
