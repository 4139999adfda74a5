"""FastAPI dependencies on the objects that all requests of an app share, found by their type."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from fastapi import Depends, FastAPI, Request

T = TypeVar("T")


def share(app: FastAPI, objects: Mapping[type, object]) -> None:
    """Let the routes of `app` use these objects, each by its type."""
    app.state.shared = dict(objects)


def shared(app: FastAPI, kind: type[T]) -> T:
    """Return the shared object of a type."""
    return cast("T", app.state.shared[kind])


def from_app(kind: type) -> Any:
    """Declare a parameter of a route: `store: Annotated[AsyncJobStore, from_app(AsyncJobStore)]`."""

    async def find(request: Request) -> Any:  # async, because FastAPI runs a plain function in a thread
        return request.app.state.shared[kind]

    return Depends(find)
