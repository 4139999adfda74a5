"""Refuses query parameters that a route does not declare: an ignored `?dryrun=true` would train for real."""

from collections import Counter
from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.http.errors import InvalidRequestError, nearest_name

_LISTED = 20
_PARAM_LENGTH = 100


async def refuse_unknown_parameters(request: Request) -> None:
    """Return if the route declares every query parameter of the request, and each is given once.

    A dependency of the whole app. Pages, which are not in the schema, accept any parameter.

    Raises:
        InvalidRequestError: a parameter is unknown, or given twice.
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    known = frozenset(_names(route.dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {"param": name[:_PARAM_LENGTH], "message": message}
        for name, count in given.items()
        if (message := _message(name, count, known))
    ][:_LISTED]
    if errors:
        names = ", ".join(error["param"] for error in errors)
        raise InvalidRequestError(f"Correct {names}: {errors[0]['message']}", field_errors=errors)


def _message(name: str, count: int, known: frozenset[str]) -> str:
    """Return what is wrong with a parameter; empty if nothing is."""
    if name not in known:
        takes = f"This request takes {', '.join(sorted(known))}." if known else "This request takes none."
        return f"There is no such query parameter{nearest_name(name, known)} {takes}"
    return "This parameter is given several times: give it once." if count > 1 else ""


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the names of all query parameters of a route, those of its dependencies included."""
    yield from (parameter.alias for parameter in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
