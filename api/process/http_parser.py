"""Parses HTTP/1.1 requests; a client that offers another protocol, such as HTTP/2, is answered in HTTP/1.1."""

from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER = (b"upgrade", b"http2-settings")


class HttpParser:
    """Reads a request with an `Upgrade` header a second time without it.

    Java's client offers HTTP/2 with every request, as `curl --http2` does. llhttp takes what follows the head of such a
    request for the other protocol, so the request would have no body (Kludex/uvicorn#2722).
    """

    def __init__(self, connection: "HttpToolsProtocol") -> None:
        self._connection = connection
        self._parser = _llhttp(connection)

    @property
    def is_offer(self) -> bool:
        """Whether the head that was just read will be read again."""
        return self._parser.should_upgrade() and any(
            name == b"upgrade" for name, _ in self._connection.headers
        )

    def feed_data(self, data: bytes) -> None:
        """Parse the next bytes."""
        while data:
            data = self._parse(data)

    def _parse(self, data: bytes) -> bytes:
        """Return the head without the offer, and what follows it; no bytes if there is no offer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if not self.is_offer:  # CONNECT
                raise
            rest = self._head() + data[offer.args[0] :]
            self._parser = _llhttp(self._connection)  # the other one may take the connection for closed
            return rest
        return b""

    def should_upgrade(self) -> bool:
        """Return whether the connection shall change to another protocol: never."""
        return False

    def should_keep_alive(self) -> bool:
        """Return whether the client may send another request."""
        return self._parser.should_keep_alive()

    def get_http_version(self) -> str:
        """Return the version that the request states."""
        return self._parser.get_http_version()

    def get_method(self) -> bytes:
        """Return the method of the request."""
        return self._parser.get_method()

    def _head(self) -> bytes:
        """Return the head of the request without the offer."""
        head = b"%b %b HTTP/%b\r\n" % (
            self.get_method(),
            self._connection.url,
            self.get_http_version().encode(),
        )
        kept = ((name, value) for name, value in self._connection.headers if name not in _OFFER)
        return head + b"".join(b"%b: %b\r\n" % header for header in map(_without_offer, kept)) + b"\r\n"


def _without_offer(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name != b"connection":
        return header
    return name, b", ".join(token for token in value.split(b",") if token.strip().lower() not in _OFFER)


def _llhttp(connection: "HttpToolsProtocol") -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(connection)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn: for pipelined requests
    return parser
