"""/session: the dashboard exchanges a key for a cookie that scripts cannot read."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response

from api.auth.errors import UnauthorizedError
from api.auth.guard import COOKIE
from api.auth.keys import Keys
from api.auth.schemas import Session, SessionRequest, SignedIn
from api.http.bodies import json_body_docs, read_json
from api.http.callers import CALLER, Principal
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.settings import ANONYMOUS

router = APIRouter(prefix="/session", tags=["session"])

_SESSION_S = 7 * 24 * 3600


@router.post(
    "",
    operation_id="create_session",
    summary="Sign in",
    responses=problems(401, 408, 413, 415),
    openapi_extra=json_body_docs(SessionRequest, key={"key": "the-key-of-alice"}),
)
async def create_session(
    request: Request, keys: Annotated[Keys, from_app(Keys)], response: Response
) -> Session:
    """Exchange a key for an HttpOnly cookie; a service without keys needs no session."""
    body = await read_json(request, SessionRequest)
    if not keys:
        return Session(name=ANONYMOUS, expires_at=None)
    name = keys.find(body.key.get_secret_value().encode())
    if name is None:
        raise UnauthorizedError
    expires_at = int(time.time()) + _SESSION_S
    _set_cookie(request, response, keys.sign_session(name, expires_at))
    return Session(name=name, expires_at=datetime.fromtimestamp(expires_at, UTC))


@router.get("", operation_id="get_session", summary="Who is signed in", responses=problems(401))
async def show_session(request: Request, keys: Annotated[Keys, from_app(Keys)]) -> SignedIn:
    """The name of the key that this request, or its session, was made with."""
    caller: Principal | None = request.scope[CALLER]
    if caller is None:
        raise UnauthorizedError
    return SignedIn(name=caller.name, needs_key=bool(keys))


@router.delete("", operation_id="delete_session", summary="Sign out", status_code=204)
async def delete_session(request: Request) -> Response:
    """Delete the cookie in the browser."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=_cookie_path(request), httponly=True, samesite="strict")
    return response


def _set_cookie(request: Request, response: Response, session: str) -> None:
    response.set_cookie(
        COOKIE,
        session,
        max_age=_SESSION_S,
        path=_cookie_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _cookie_path(request: Request) -> str:
    return request.scope.get("root_path") or "/"
