"""A Valkey server whose own counters tell what calls cost. Knows nothing of jobs."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from tests.conftest import running_valkey
from worker.redis_server.connection import connect

_TIMEOUT_S = 3600.0
_LONG_US = 1_000
"""Commands shorter than this are not told apart by `longest_ms`."""
_ROUNDS = 5
_BETWEEN_ROUNDS_S = 0.5
_SCRIPTS = frozenset({"eval", "evalsha", "evalsha_ro", "fcall", "fcall_ro"})
_OWN = frozenset({"config|resetstat", "info", "exec"})
"""Commands of the measurement itself; EXEC counts the time of the commands in it once more."""


@dataclass(frozen=True)
class MeasuredServer:
    """A running server, and a client of the measurements' own."""

    url: str
    redis: redis.Redis

    @property
    def socket_path(self) -> str:
        """The Unix socket."""
        return self.url.removeprefix("unix://").partition("?")[0]

    @property
    def pid(self) -> int:
        """The process id."""
        about: Any = self.redis.info("server")
        return int(about["process_id"])

    def cpu_s(self) -> float:
        """Return the CPU seconds that the server has used so far, in user and system mode."""
        info: Any = self.redis.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"])

    def call_us(self, action: Callable[[], object], repeats: int = 41) -> float:
        """Return the server time of one call in microseconds: the median of `repeats` calls, in the best of some rounds.

        The best round is the one which other programs on the same machine disturbed least.
        """
        action()  # loads the script
        return min(self._median_us(action, repeats) for _ in range(_ROUNDS))

    def _median_us(self, action: Callable[[], object], repeats: int) -> float:
        time.sleep(_BETWEEN_ROUNDS_S)
        return statistics.median(self._server_us(action) for _ in range(repeats))

    def _server_us(self, action: Callable[[], object]) -> float:
        self.redis.config_resetstat()
        action()
        stats: Any = self.redis.info("commandstats")
        spent = {name.removeprefix("cmdstat_"): values["usec"] for name, values in stats.items()}
        # The time of a script contains the time of the commands that the script calls.
        scripts = [usec for name, usec in spent.items() if name in _SCRIPTS]
        return float(sum(scripts or (usec for name, usec in spent.items() if name not in _OWN)))

    def longest_ms(self, action: Callable[[], object]) -> float:
        """Return the duration of the longest command or transaction while `action` runs, in milliseconds."""
        for name, value in (("slowlog-log-slower-than", _LONG_US), ("slowlog-max-len", 100_000)):
            self.redis.config_set(name, value)
        self.redis.config_set("latency-monitor-threshold", 1)
        self.redis.slowlog_reset()
        self.redis.execute_command("LATENCY", "RESET")  # type: ignore[no-untyped-call]  # redis-py's own
        action()
        return max(self._longest_transaction_ms(), self._longest_command_ms())

    def _longest_command_ms(self) -> float:
        entries: Any = self.redis.slowlog_get(100_000)
        return max((entry["duration"] / 1000 for entry in entries), default=0.0)

    def _longest_transaction_ms(self) -> float:
        """The slow log has no EXEC; the latency monitor has it, in whole milliseconds."""
        events: Any = self.redis.execute_command("LATENCY", "LATEST")  # type: ignore[no-untyped-call]
        return max((float(event[3]) for event in events if "command" in str(event[0])), default=0.0)


@contextmanager
def measured_server(*options: str) -> Iterator[MeasuredServer]:
    """Run an empty server with these options while the block runs."""
    with running_valkey(*options) as url, connect(url, timeout_s=_TIMEOUT_S) as client:
        yield MeasuredServer(url, client)
