"""Downloads over HTTPS: redirects are followed by hand, every address is checked, sizes and times are limited."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore

from worker.kinds.dataset_import.sources.addresses import Address, CheckedBackend, Resolve, is_public, resolve
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError

T = TypeVar("T")

CONNECTIONS = 8
_TRIES = 4
_FIRST_DELAY_S = 1.0
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_ANSWERS = {
    401: "asks for a key: download the images and upload them",
    403: "does not let everybody read this: download the images and upload them",
    404: "has nothing at this address: correct the address",
    410: "has nothing at this address any more: correct the address",
}
_TIMEOUTS = {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 60.0}
_MAX_JSON_BYTES = 32 << 20


class Downloads:
    """The connections of one import; several threads may use them."""

    def __init__(
        self,
        *,
        proxy: str = "",
        resolve: Resolve = resolve,
        is_allowed: Callable[[Address], bool] = is_public,
        certificates: ssl.SSLContext | None = None,
        check_wanted: Callable[[], None] = lambda: None,
        first_delay_s: float = _FIRST_DELAY_S,
    ) -> None:
        """`check_wanted` is called often, and may raise to end the work."""
        context = certificates or ssl.create_default_context()
        self._check_wanted = check_wanted
        self._first_delay_s = first_delay_s
        if proxy:
            parts = urlsplit(proxy)
            credentials = (parts.username or "", parts.password or "") if parts.username else None
            self._pool: httpcore.ConnectionPool = httpcore.HTTPProxy(
                f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
                proxy_auth=credentials,
                ssl_context=context,
                max_connections=CONNECTIONS,
            )
        else:
            backend = CheckedBackend(resolve, is_allowed)
            self._pool = httpcore.ConnectionPool(
                ssl_context=context, network_backend=backend, max_connections=CONNECTIONS
            )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def to_file(self, url: str, path: Path, max_bytes: int) -> int:
        """Download into a new file and return the number of bytes.

        Raises:
            SourceRejectedError: there is no such file, it is larger than `max_bytes`, or its address is not public.
            SourceUnavailableError: the other side failed several times.
        """
        return self._with_tries(urlsplit(url), lambda: self._to_file(url, path, max_bytes))

    def read_json(self, url: str) -> tuple[Any, str | None]:
        """Read a JSON document and the address of the next page; raises as `to_file` does."""
        return self._with_tries(urlsplit(url), lambda: self._read_json(url))

    def _to_file(self, url: str, path: Path, max_bytes: int) -> int:
        written = 0
        with self._open(url) as response, path.open("wb") as file:
            for data in response.iter_stream():
                self._check_wanted()
                written += len(data)
                if written > max_bytes:
                    raise SourceRejectedError(
                        f"{urlsplit(url).hostname} sends more than {max_bytes} bytes, which are allowed: use fewer or "
                        "smaller images."
                    )
                file.write(data)
        return written

    def _read_json(self, url: str) -> tuple[Any, str | None]:
        data = bytearray()
        with self._open(url) as response:
            for chunk in response.iter_stream():
                data += chunk
                if len(data) > _MAX_JSON_BYTES:
                    raise SourceRejectedError(f"The list of {urlsplit(url).hostname} is too long.")
            links = [value.decode("latin-1") for name, value in response.headers if name.lower() == b"link"]
        try:
            return json.loads(data), _next_page(url, links)
        except ValueError as error:
            raise SourceUnavailableError(f"{urlsplit(url).hostname} sent no valid list") from error

    @contextmanager
    def _open(self, url: str) -> Iterator[httpcore.Response]:
        for _ in range(_MAX_REDIRECTS + 1):
            host = _checked(url).hostname
            with self._pool.stream(
                "GET",
                url,
                headers={"User-Agent": "ninefold", "Accept-Encoding": "identity"},
                extensions={"timeout": _TIMEOUTS},
            ) as response:
                if response.status == 200:
                    yield response
                    return
                if response.status not in _REDIRECTS:
                    raise _error_of(response.status, host)
                target = next((value for name, value in response.headers if name.lower() == b"location"), b"")
            url = urljoin(url, target.decode("latin-1"))
        raise SourceRejectedError(f"{host} redirects again and again: give the address of the file itself.")

    def _with_tries(self, where: SplitResult, call: Callable[[], T]) -> T:
        delay_s = self._first_delay_s
        for number in range(1, _TRIES + 1):
            self._check_wanted()
            try:
                return call()
            except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
                reason = _reason(error)
                cause = error.__context__  # httpcore raises it again `from None`, which clears __cause__
                if isinstance(cause, ssl.SSLCertVerificationError):
                    raise SourceRejectedError(
                        f"{where.hostname} has no valid certificate ({cause.verify_message}): mend it, or download the "
                        "images and upload them."
                    ) from error
            except SourceUnavailableError as error:
                reason = str(error)
            if number < _TRIES:
                time.sleep(delay_s)
                delay_s *= 2
        raise SourceUnavailableError(f"{where.hostname} could not be read: {reason}")


def _checked(url: str) -> SplitResult:
    """Return the parts of an address, which a redirect may have chosen."""
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme == "https" and bool(parts.hostname) and url.isascii() and not parts.username
    except ValueError:
        is_fit = False
    if not is_fit:
        raise SourceRejectedError(
            "The address leads to one that is not https://: give the address of the file itself."
        )
    return parts


def _error_of(status: int, host: str | None) -> Exception:
    if status in _TRY_AGAIN:
        return SourceUnavailableError(f"{host} answered {status}")
    return SourceRejectedError(f"{host} {_ANSWERS.get(status, f'answered {status}: check the address')}.")


def _reason(error: Exception) -> str:
    """Say what failed in the network, without an address that may hold a secret."""
    return (
        "it does not answer in time"
        if isinstance(error, httpcore.TimeoutException)
        else "the connection failed"
    )


def _next_page(url: str, links: list[str]) -> str | None:
    """Return the address of the next page (RFC 8288), if it is on the same host."""
    for link in ",".join(links).split(","):
        target, _, parameters = link.partition(";")
        if 'rel="next"' in parameters:
            following = urljoin(url, target.strip().strip("<>"))
            return following if urlsplit(following).netloc == urlsplit(url).netloc else None
    return None
