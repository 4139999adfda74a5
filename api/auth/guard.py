"""The middleware that admits or refuses each request by its key, session cookie, Host and Origin."""

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.errors import (
    ANSWERS,
    AmbiguousHostError,
    HostNotAllowedError,
    OriginNotAllowedError,
    UnauthorizedError,
)
from api.auth.keys import Keys
from api.errors import ApiError
from api.http.callers import CALLER, Principal
from api.http.problem import REQUEST_ID, problem_response
from api.settings import ANONYMOUS, is_loopback

COOKIE = "ninefold_session"
_PUBLIC_READS = frozenset(
    {"/", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json"}
)
_SESSION = "/session"
_PUBLIC_PREFIX = "/dashboard/"
_LOCAL = Principal(ANONYMOUS, ANONYMOUS)
"""Everybody who may call a service without keys."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Admits a request and sets the caller in its scope, or answers 401 or 403."""

    def __init__(self, app: ASGIApp, keys: Keys, origins: frozenset[str]) -> None:
        self._app = app
        self._keys = keys
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope[CALLER] = self._admit(HTTPConnection(scope))
        except ApiError as error:
            await problem_response(error, ANSWERS[type(error)], scope[REQUEST_ID])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, request: HTTPConnection) -> Principal | None:
        """Return the caller; None for a caller without a key on a public path."""
        if len(request.headers.getlist("host")) > 1:
            raise AmbiguousHostError
        if not self._keys:
            self._admit_local(request)
            return _LOCAL
        if name := self._name_of_key(request.headers.get("authorization", "")):
            return Principal(name, name)
        if name := self._name_of_session(request.headers):
            if _changes_something(request) and not _is_same_origin(request.headers):
                raise OriginNotAllowedError
            return Principal(name, name)
        path = _route_path(request.scope)
        if is_public(request.scope["method"], path):
            return None
        raise UnauthorizedError

    def _admit_local(self, request: HTTPConnection) -> None:
        """Admit a request to a service without keys.

        By DNS rebinding a web page can send requests to this service under the page's own host name. Therefore only
        local host names are admitted.
        """
        headers = request.headers
        if not _is_local(headers.get("host", "")):
            raise HostNotAllowedError
        # A browser says where a request comes from; a link or an image on a foreign page reads nothing.
        is_from_page = "origin" in headers or ("sec-fetch-site" in headers and _changes_something(request))
        if is_from_page and not self._is_allowed_origin(headers):
            raise OriginNotAllowedError

    def _name_of_key(self, authorization: str) -> str | None:
        scheme, _, key = authorization.partition(" ")
        return self._keys.find(key.strip().encode("latin-1")) if scheme.lower() == "bearer" else None

    def _name_of_session(self, headers: Headers) -> str | None:
        """Return the key's name of the first valid session: cookies of other paths or apps hide none."""
        names = (self._keys.read_session(session) for session in _session_cookies(headers))
        return next(filter(None, names), None)

    def _is_allowed_origin(self, headers: Headers) -> bool:
        return _is_same_origin(headers) or headers.get("origin", "").lower() in self._origins


def is_public(method: str, path: str) -> bool:
    """Return whether a call needs no key."""
    if path == _SESSION or path.startswith(_PUBLIC_PREFIX):
        return True
    return path in _PUBLIC_READS and method in _SAFE_METHODS


def _changes_something(request: HTTPConnection) -> bool:
    return request.scope["method"] not in _SAFE_METHODS


def _session_cookies(headers: Headers) -> Iterator[str]:
    """Yield the values of every session cookie. Any other cookie may hold anything, such as JSON."""
    for header in headers.getlist("cookie"):
        for cookie in header.split(";"):
            name, _, value = cookie.partition("=")
            if name.strip() == COOKIE:
                yield value.strip().strip('"')


def _is_same_origin(headers: Headers) -> bool:
    """Return whether a page of this service sent the request.

    Browsers say so in Sec-Fetch-Site, which no page can set; those that do not are judged by Origin and Host, which a
    proxy may have rewritten.
    """
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    scheme, _, host = headers.get("origin", "").lower().partition("://")
    return scheme in ("http", "https") and host == headers.get("host", "").lower() != ""


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    """Return whether a Host header names this machine; most requests have the same few headers."""
    return is_loopback(_host_name(host))


def _host_name(host: str) -> str:
    """Return a Host header without its port; empty for an invalid header."""
    try:
        return urlsplit("//" + host).hostname or "" if host.isascii() else ""
    except ValueError:
        return ""


def _route_path(scope: Scope) -> str:
    """Return the path as routes see it, whether or not a proxy in front has removed its own prefix."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
