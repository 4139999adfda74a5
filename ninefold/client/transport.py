"""HTTP requests with retries; turns error responses into NinefoldError. Knows no endpoint of the API."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from ninefold.client.connection import Route, authorization, open_http
from ninefold.errors import NinefoldError, UnreachableError

TIMEOUT_S = 30.0
RETRY_EVERY_S = 0.3
RETURN_EVERY_S = 0.5
REFUSED_FOR_NOW = (429, 503)
PAGE_SIZE = 100

Json = dict[str, Any]
"""A JSON object; the API's `/docs` page describes the fields of each one."""


class Transport:
    """The HTTP connections to one service.

    Failed requests are retried for `retry_for_s` seconds, so that callers do not notice a restart of the service. A service
    that never answered is not retried: its address is probably wrong. A request that the service refuses for now (429, 503
    with Retry-After) is sent again after the time that the service names, if that is within `retry_for_s`.
    """

    def __init__(self, url: str, api_key: str | None, retry_for_s: float) -> None:
        self._retry_for_s = retry_for_s
        self._has_answered = False
        self._http, self._route = open_http(url, authorization(api_key), TIMEOUT_S)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(
        self, method: str, path: str, *, is_repeatable: bool = True, **options: Any
    ) -> httpx.Response:
        """Send one request and return its successful response.

        A request that is not repeatable is sent once: a second copy could fail (409) or do the work twice.
        """
        began_at = time.monotonic()
        while True:
            try:
                response = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if not is_repeatable or not self.may_retry(began_at):
                    raise self.unreachable(error) from error
                time.sleep(RETRY_EVERY_S)
                continue
            self._has_answered = True
            if not response.is_error:
                return response
            may_repeat = is_repeatable or "Idempotency-Key" in options.get("headers", {})
            wait_s = _retry_after_s(response) if may_repeat else None
            if wait_s is None or time.monotonic() + wait_s - began_at > self._retry_for_s:
                raise _error_from(response, self._route)
            time.sleep(wait_s * random.uniform(1.0, 1.25))  # noqa: S311 - clients that were refused together return apart

    def request_object(self, method: str, path: str, **options: Any) -> Json:
        """Send one request and return the JSON object in its response."""
        body = self.request(method, path, **options).json()
        assert isinstance(body, dict)  # noqa: S101 - every JSON response of the API is an object
        return body

    def list_pages(self, path: str, filters: dict[str, str], cursor: str = "id") -> Iterator[Json]:
        """Yield the items of every page of a list; `cursor` names the field that the next page starts after."""
        params: dict[str, str | int] = {"limit": PAGE_SIZE, **filters}
        while True:
            page = self.request_object("GET", path, params=params)
            yield from page["data"]
            if not page["has_more"]:
                return
            params["after"] = page["data"][-1][cursor]

    @contextmanager
    def stream(self, path: str, headers: dict[str, str], timeout: httpx.Timeout) -> Iterator[httpx.Response]:
        """Open one successful response whose body the caller reads piece by piece. Nothing is retried."""
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            self._has_answered = True
            if response.is_error:
                response.read()
                raise _error_from(response, self._route)
            yield response

    def may_retry(self, failing_since: float) -> bool:
        """Whether to retry a request that has been failing since `failing_since` (monotonic seconds)."""
        return self._has_answered and time.monotonic() - failing_since < self._retry_for_s

    def wait_until_back(self) -> bool:
        """Wait until the service answers again; False if it stays away."""
        failing_since = time.monotonic()
        while self.may_retry(failing_since):
            time.sleep(RETURN_EVERY_S)
            try:
                self.request("GET", "/healthz", is_repeatable=False)
            except UnreachableError:
                continue
            return True
        return False

    def unreachable(self, cause: httpx.TransportError) -> UnreachableError:
        """Build the error for a service that does not answer."""
        reason = f" ({cause})" if "certificate" in str(cause).lower() else ""
        return UnreachableError(self._route.url + reason, self._route.hint)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return the seconds after which the service asks for the request again; None if it does not."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if response.status_code in REFUSED_FOR_NOW and seconds.isdecimal() else None


def _error_from(response: httpx.Response, route: Route) -> NinefoldError:
    """Build the error from the problem document in the body, or from the status code if there is none."""
    try:
        body = response.json()
        detail, code = str(body["detail"]), str(body["code"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return NinefoldError(
            f"{route.url} answered {response.status_code}, but not as a Ninefold service does. {route.hint}",
            code="unexpected_answer",
            status=response.status_code,
        )
    errors = body.get("errors") or []
    for field in errors:
        if field.get("message") != body.get("detail"):
            detail += f"\n  {field.get('param')}: {field.get('message')}"
    return NinefoldError(detail, code=code, status=response.status_code, errors=errors, members=body)
