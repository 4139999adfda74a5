"""A web server with TLS on this host, that stands for hosts of the internet; and how a download finds it."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.worker.redis_server.tls_valkey import make_authority, make_server_context
from worker.kinds.dataset_import.sources.addresses import Address, is_public
from worker.kinds.dataset_import.sources.downloads import Downloads

HOSTS = ("images.example", "huggingface.co", "cdn.example")
LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class WebServer(ThreadingHTTPServer):
    """Answers each path of `replies`; a list is answered one after the other."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.replies: dict[str, Reply | list[Reply]] = {}
        self.asked: list[str] = []

    def handle_error(self, *_: object) -> None:
        """A client that refuses the certificate is no failure of the server."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def do_GET(self) -> None:
        where = f"{self.headers['Host']}{self.path}"
        self.server.asked.append(where)
        known = self.server.replies.get(where, Reply(404))
        reply = known.pop(0) if isinstance(known, list) else known
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@dataclass
class Internet:
    """The server, and downloads for which its host names resolve to it and its address counts as public."""

    server: WebServer
    certificates: ssl.SSLContext
    resolved: list[str] = field(default_factory=list)

    def resolve(self, host: str, _: int) -> Sequence[tuple[Address, int]]:
        self.resolved.append(host)
        if host in (*HOSTS, "wrong-name.example"):
            return [(LOOPBACK, self.server.server_address[1])]
        return [(ipaddress.ip_address(host), 443)]

    @property
    def make_downloads(self) -> Callable[..., Downloads]:
        return partial(
            Downloads,
            resolve=self.resolve,
            is_allowed=lambda address: address == LOOPBACK or is_public(address),
            certificates=self.certificates,
            first_delay_s=0.01,
        )


@contextmanager
def running_internet(folder: Path) -> Iterator[Internet]:
    """Run the server until the end of the block."""
    authority = make_authority(folder)
    with WebServer(make_server_context(authority, folder, hosts=HOSTS)) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Internet(server, ssl.create_default_context(cafile=authority.file))
        server.shutdown()
