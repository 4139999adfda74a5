"""One uvicorn server on a socket that is open already; ends its event streams when it is told to stop."""

import gc
import logging
import signal
import socket
from types import FrameType

import uvicorn

from api.app import create_app
from api.process.open_files import raise_limit
from api.settings import ApiSettings

SHUTDOWN_TIMEOUT_S = 5
_STUCK_CLIENT_MS = 60_000
_BACKLOG = 2048
_COLLECT_AFTER = 50_000
"""New objects. At Python's own 700, a thousand event streams made the cycle collector stop everything so often that the
latest event in a hundred came after 0.2 s instead of 0.1 s; hardly any of our objects are in cycles."""


class _Server(uvicorn.Server):
    """Uvicorn waits for open streams before it says that it stops: so the hub hears of the signal first."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.services.hub.close()  # type: ignore[union-attr]  # our own app, in `serve`
        super().handle_exit(sig, frame)


def open_socket(settings: ApiSettings) -> socket.socket:
    """Take the address, before anything else is started; raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A client that never reads would hold its connection for ever; the kernel ends it. Connections inherit this.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_CLIENT_MS)
    listener.bind((settings.host.strip("[]"), settings.port))
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


def configure(settings: ApiSettings) -> uvicorn.Config:
    """How uvicorn serves our app."""
    return uvicorn.Config(
        create_app(settings),
        http="httptools",
        ws="none",
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


def _exit(*_: object) -> None:
    """Uvicorn sends itself the signal once more after its shutdown: what is left of us then ends in order too."""
    raise SystemExit(0)


def serve(settings: ApiSettings, sockets: list[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s api %(levelname)s %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    raise_limit()
    gc.set_threshold(_COLLECT_AFTER)
    _Server(configure(settings)).run(sockets=sockets)
