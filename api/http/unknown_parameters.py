"""Refuses query parameters that a route does not declare: an ignored `?dryrun=true` would train for real."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.errors import InvalidRequestError, nearest_name

_LISTED = 20
_PARAM_LENGTH = 100


async def refuse_unknown_parameters(request: Request) -> None:
    """Return if the route declares every query parameter of the request, and each is given once unless it is a list.

    A dependency of the whole app. Pages, which are not in the schema, accept any parameter.

    Raises:
        InvalidRequestError: a parameter is unknown, or given twice.
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    known = dict(_parameters(route.dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {"param": name[:_PARAM_LENGTH], "message": message}
        for name, count in given.items()
        if (message := _message(name, count, known))
    ][:_LISTED]
    if errors:
        names = ", ".join(error["param"] for error in errors)
        raise InvalidRequestError(f"Correct {names}: {errors[0]['message']}", field_errors=errors)


def _message(name: str, count: int, known: Mapping[str, bool]) -> str:
    """Return what is wrong with a parameter; empty if nothing is. `known` tells of each whether it may be repeated."""
    if name not in known:
        takes = f"This request takes {', '.join(sorted(known))}." if known else "This request takes none."
        return f"There is no such query parameter{nearest_name(name, known)} {takes}"
    is_once_only = count > 1 and not known[name]
    return "This parameter is given several times: give it once." if is_once_only else ""


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield each query parameter of a route, those of its dependencies included: its name, and whether it may be repeated."""
    for parameter in dependant.query_params:
        yield parameter.alias, get_origin(parameter.field_info.annotation) is list
    for inner in dependant.dependencies:
        yield from _parameters(inner)
