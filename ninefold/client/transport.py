"""HTTP requests with retries; turns error responses into NinefoldError. Knows no endpoint of the API."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from ninefold.errors import NinefoldError, UnreachableError

TIMEOUT_S = 30.0
RETRY_EVERY_S = 0.3
PAGE_SIZE = 100

Json = dict[str, Any]
"""A JSON object; the API's `/docs` page describes the fields of each one."""


class Transport:
    """The HTTP connections to one service.

    Failed requests are retried for `retry_for_s` seconds, so that callers do not notice a restart of the service. A service
    that never answered is not retried: its address is probably wrong.
    """

    def __init__(self, url: str, api_key: str | None, retry_for_s: float) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.url = url
        self._retry_for_s = retry_for_s
        self._has_answered = False
        self._http = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(TIMEOUT_S))

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
                    raise UnreachableError(self.url) from error
                time.sleep(RETRY_EVERY_S)
                continue
            self._has_answered = True
            if response.is_error:
                raise _error_from(response)
            return response

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
                raise _error_from(response)
            yield response

    def may_retry(self, failing_since: float) -> bool:
        """Whether to retry a request that has been failing since `failing_since` (monotonic seconds)."""
        return self._has_answered and time.monotonic() - failing_since < self._retry_for_s


def _error_from(response: httpx.Response) -> NinefoldError:
    """Build the error from the problem document in the body, or from the status code if there is none."""
    try:
        body = response.json()
        detail, code = str(body["detail"]), str(body["code"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return NinefoldError(
            f"The service answered {response.status_code}.",
            code="unexpected_answer",
            status=response.status_code,
        )
    for field in body.get("errors") or []:
        detail += f"\n  {field.get('param')}: {field.get('message')}"
    return NinefoldError(detail, code=code, status=response.status_code)
