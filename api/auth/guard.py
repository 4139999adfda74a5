"""Who may ask: API keys, the dashboard's cookie, Host and Origin. Knows no route but the public ones."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.errors import ANSWERS, HostNotAllowedError, OriginNotAllowedError, UnauthorizedError
from api.errors import ApiError
from api.http.problem import REQUEST_ID, problem_response
from api.settings import ANONYMOUS, is_loopback

CALLER = "ninefold.caller"
COOKIE = "ninefold_session"
SESSION_S = 7 * 24 * 3600

_PUBLIC = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/session"})
_PUBLIC_PREFIX = "/dashboard/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Keys:
    """The service's keys by name; compares in constant time and signs sessions that need no memory."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._digests = {name: hashlib.sha256(key.encode()).digest() for name, key in keys.items()}
        # A session is signed with a secret of its key: it ends when the key does.
        self._secrets = {
            name: hmac.digest(key.encode(), b"ninefold session", "sha256") for name, key in keys.items()
        }

    def __bool__(self) -> bool:
        return bool(self._digests)

    def find(self, key: bytes) -> str | None:
        """The name of a key; looks at every key, however early one fits."""
        digest, found = hashlib.sha256(key).digest(), None
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def sign_session(self, name: str, expires_at: int) -> str:
        """The cookie's value for a key's holder."""
        claim = f"{name}.{expires_at}"
        return f"{claim}.{self._signature(name, claim)}"

    def read_session(self, value: str) -> str | None:
        """The name in a cookie that we signed and that has not expired."""
        claim, _, signature = value.rpartition(".")
        name, _, expires_at = claim.partition(".")
        if name not in self._secrets or not expires_at.isascii() or not expires_at.isdigit():
            return None
        is_ours = hmac.compare_digest(self._signature(name, claim).encode(), signature.encode())
        return name if is_ours and int(expires_at[:12]) > time.time() else None

    def _signature(self, name: str, claim: str) -> str:
        return hmac.new(self._secrets[name], claim.encode(), "sha256").hexdigest()


class Guard:
    """Lets a request through, with its caller's name, or refuses it before any route sees it."""

    def __init__(self, app: ASGIApp, keys: Keys, origins: frozenset[str]) -> None:
        self._app = app
        self._keys = keys
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            scope[CALLER] = self._admit(scope, headers)
        except ApiError as error:
            await problem_response(error, ANSWERS[type(error)], scope[REQUEST_ID])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str | None:
        """The caller's name, None for a stranger on a public path."""
        if not self._keys:
            return self._admit_local(headers)
        if caller := self._bearer(headers.get(b"authorization", b"")):
            return caller
        path = _route_path(scope)
        if caller := self._session(headers.get(b"cookie", b"")):
            if scope["method"] not in _SAFE_METHODS and not self._is_same_origin(headers):
                raise OriginNotAllowedError
            return caller
        if path in _PUBLIC or path.startswith(_PUBLIC_PREFIX):
            return None
        raise UnauthorizedError

    def _admit_local(self, headers: Mapping[bytes, bytes]) -> str:
        """Without keys a page of any site could reach us through a rebound name: only local names may."""
        if not is_loopback(_host_name(headers.get(b"host", b""))):
            raise HostNotAllowedError
        if b"origin" in headers and not self._is_known_origin(headers):
            raise OriginNotAllowedError
        return ANONYMOUS

    def _bearer(self, authorization: bytes) -> str | None:
        scheme, _, key = authorization.partition(b" ")
        return self._keys.find(key.strip()) if scheme.lower() == b"bearer" else None

    def _session(self, cookie: bytes) -> str | None:
        if COOKIE.encode() not in cookie:
            return None
        try:
            morsel = SimpleCookie(cookie.decode("latin-1")).get(COOKIE)
        except CookieError:
            return None
        return self._keys.read_session(morsel.value) if morsel else None

    def _is_known_origin(self, headers: Mapping[bytes, bytes]) -> bool:
        return self._is_same_origin(headers) or headers[b"origin"].decode("latin-1").lower() in self._origins

    def _is_same_origin(self, headers: Mapping[bytes, bytes]) -> bool:
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1").lower()
        scheme, _, place = origin.partition("://")
        return scheme in ("http", "https") and place == host != ""


def _host_name(host: bytes) -> str:
    """A Host header less its port; empty for what is none."""
    try:
        return urlsplit("//" + host.decode("ascii")).hostname or ""
    except (UnicodeDecodeError, ValueError):
        return ""


def _route_path(scope: Scope) -> str:
    """The path as routes see it, whether or not the proxy in front took its own part away."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path
