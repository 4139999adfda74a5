"""Sends requests to the APIs of a cluster, to one after the other until one answers."""

import time
from collections.abc import Sequence
from typing import Any

import httpx

TIMEOUT_S = 60.0

Json = dict[str, Any]


class RetryingHttp:
    """A client that repeats each request until it is answered with another status than 503."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._http = httpx.Client(timeout=10)
        self.url_index = 0
        """The API that is tried first."""

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return the answer."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            url = self._urls[self.url_index % len(self._urls)]
            try:
                response = self._http.request(method, url + path, **options)
                if response.status_code != 503:
                    return response
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"no API answers {method} {path}"
            self.url_index += 1
            time.sleep(0.05)

    def read(self, path: str) -> Json:
        """Return the JSON at a path."""
        response = self.request("GET", path)
        assert response.is_success, response.text
        body: Json = response.json()
        return body

    def read_all(self, path: str, **query: str | int) -> list[Json]:
        """Return the entries of all pages of a list."""
        entries: list[Json] = []
        page: Json = {"has_more": True}
        while page["has_more"]:
            after = {"after": entries[-1]["id"]} if entries else {}
            response = self.request("GET", path, params={**query, **after, "limit": 100})
            assert response.is_success, response.text
            page = response.json()
            entries += page["data"]
        return entries
