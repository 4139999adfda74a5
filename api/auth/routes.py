"""/session: the dashboard trades a key for a cookie that its scripts cannot read."""

import time
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from api.auth.errors import UnauthorizedError
from api.auth.guard import COOKIE, SESSION_S
from api.dependencies import AnyService
from api.http.bodies import json_body_docs, read_json
from api.http.openapi import problems
from api.schemas import Session, SessionRequest
from api.settings import ANONYMOUS

router = APIRouter(prefix="/session", tags=["session"])


@router.post(
    "",
    operation_id="create_session",
    summary="Sign in",
    responses=problems(401, 408, 413, 415),
    openapi_extra=json_body_docs(SessionRequest, key={"key": "the-key-of-alice"}),
)
async def create_session(request: Request, services: AnyService, response: Response) -> Session:
    """Trade a key for an HttpOnly cookie; a service without keys needs none."""
    body = await read_json(request, SessionRequest)
    if not services.keys:
        return Session(name=ANONYMOUS, expires_at=None)
    name = services.keys.find(body.key.get_secret_value().encode())
    if name is None:
        raise UnauthorizedError
    expires_at = int(time.time()) + SESSION_S
    _set_cookie(request, response, services.keys.sign_session(name, expires_at))
    return Session(name=name, expires_at=datetime.fromtimestamp(expires_at, UTC))


@router.delete("", operation_id="delete_session", summary="Sign out", status_code=204)
async def delete_session(request: Request) -> Response:
    """Make the browser forget the cookie."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=_path(request), httponly=True, samesite="strict")
    return response


def _set_cookie(request: Request, response: Response, value: str) -> None:
    response.set_cookie(
        COOKIE,
        value,
        max_age=SESSION_S,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _path(request: Request) -> str:
    return request.scope.get("root_path") or "/"
