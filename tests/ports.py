"""Ports for servers that a test starts, some of them twice."""

import secrets
import socket
from contextlib import suppress

_FIRST, _COUNT = 16_000, 16_000
"""Linux gives ports from 32,768 on to outgoing connections and to servers on port 0: those are no longer free a moment later."""


def free_port() -> int:
    """Return a port of the loopback interface that no process uses, and that no process is given by chance."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
