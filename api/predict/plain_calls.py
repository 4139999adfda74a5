"""The route of calls that have no query parameter but `model`: they skip FastAPI's reading of all the others."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.http.callers import CALLER
from api.http.dependencies import shared
from api.predict.predictions import Predictions


class PlainCalls(APIRoute):
    """A route of predictions. FastAPI's dependencies take 0.2 ms of each call, which most calls do not need."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler: the endpoint itself for a plain call, FastAPI's way for all others."""
        handle, endpoint = super().get_route_handler(), self.endpoint

        async def handle_plain(request: Request) -> Response:
            given = request.query_params.multi_items() if request.scope["query_string"] else []
            if len(given) > 1 or any(name != "model" for name, _ in given):
                return await handle(request)
            predictions = shared(request.app, Predictions)
            response: Response = await endpoint(request, predictions, request.scope[CALLER], **dict(given))
            return response

        return handle_plain
