"""Serves an app with uvicorn on a socket that is open already; on a stop signal, ends the event streams first."""

import gc
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.feed.hub import EventHub
from api.http.dependencies import shared
from api.http.middleware.access_log import write_to_stderr
from api.process.connection import Connection
from api.process.open_files import raise_limit
from api.settings import ApiSettings

SHUTDOWN_TIMEOUT_S = 5
_STUCK_CLIENT_MS = 60_000
_BACKLOG = 2048
_COLLECT_AFTER = 50_000
"""New objects between two runs of the cycle collector. With Python's default of 700 and a thousand event streams, the
slowest event in a hundred took 0.2 s instead of 0.1 s; hardly any objects of this service are in cycles."""


class _Server(uvicorn.Server):
    """Ends the event streams on a stop signal, because uvicorn waits for open streams before the lifespan ends."""

    def __init__(self, config: uvicorn.Config, hub: EventHub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.close()
        super().handle_exit(sig, frame)


def open_socket(settings: ApiSettings) -> socket.socket:
    """Listen on the address before anything else starts; raises OSError when the address is in use."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A client that never reads would keep its connection open for ever, so the kernel closes it after this time.
    # Accepted connections inherit the option.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_CLIENT_MS)
    else:  # macOS: only a client that is gone is noticed
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def _configure(app: FastAPI, settings: ApiSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_level=settings.log_level.lower(),
        access_log=False,
        server_header=False,
        proxy_headers=True,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


def _exit(*_: object) -> None:
    """Exit normally: after its shutdown uvicorn sends the stop signal to this process a second time."""
    raise SystemExit(0)


def serve(
    make_app: Callable[[ApiSettings], FastAPI], settings: ApiSettings, sockets: list[socket.socket]
) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s api %(levelname)s %(message)s")
    if settings.access_log:
        write_to_stderr()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    raise_limit()
    gc.set_threshold(_COLLECT_AFTER)
    app = make_app(settings)
    _Server(_configure(app, settings), shared(app, EventHub)).run(sockets=sockets)
