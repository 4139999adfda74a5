"""Starts child processes."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from worker.attempt.child_process import ChildProcess
from worker.attempt.messages import Line

ReadMessage = Callable[[bytes], Line | None]


class Spawner:
    """Starts child processes from one thread that lives as long as the worker.

    Linux sends the parent-death signal when the *thread* that started the child ends.
    """

    def __init__(
        self, environment: Mapping[str, str], command: Sequence[str], read_message: ReadMessage
    ) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
        self._environment = environment
        self._command = command
        self._read_message = read_message

    def spawn(self, *arguments: str) -> ChildProcess:
        """Start a child process; `arguments` are added to its command line."""
        command = [*self._command, *arguments]
        return self._thread.submit(ChildProcess, command, self._environment, self._read_message).result()

    def close(self) -> None:
        """End the thread; the kernel then kills the remaining child processes."""
        self._thread.shutdown()
