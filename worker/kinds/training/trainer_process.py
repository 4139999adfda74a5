"""One trainer subprocess: orders go in, messages and log lines come out. Knows no Redis and no job."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pydantic import ValidationError

from model.host.allocator import add_allocator_settings
from worker.kinds.training.messages import Message, Order, read_message, write_line

TRAINER_COMMAND = (sys.executable, "-m", "worker.kinds.training.trainer")
MAX_LINE_BYTES = 4096

_log = logging.getLogger(__name__)


def trainer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """A trainer's environment: none of our settings, so no password of Redis either; its allocator's, unless there are some."""
    return add_allocator_settings(
        {
            name: value
            for name, value in environment.items()
            if not name.startswith("NINEFOLD_") and name != "REDIS_URL"
        }
    )


class _Pipe:
    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()


class TrainerProcess:
    """A running trainer, the leader of a session of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        orders, messages, log = pipes = _Pipe(), _Pipe(), _Pipe()
        try:
            self._process = subprocess.Popen(
                [*command, "--fd", str(messages.write_fd), "--parent", str(os.getpid())],
                stdin=orders.read_fd,
                stdout=log.write_fd,
                stderr=log.write_fd,
                pass_fds=(messages.write_fd,),
                env=dict(environment),
                start_new_session=True,
            )
        except OSError:
            for pipe in pipes:
                os.close(pipe.read_fd)
                os.close(pipe.write_fd)
            raise
        for childs_fd in (orders.read_fd, messages.write_fd, log.write_fd):
            os.close(childs_fd)
        self._orders_fd = orders.write_fd
        # A stopped trainer must not stop its supervisor: an order that finds the pipe full is dropped.
        os.set_blocking(self._orders_fd, False)
        self._messages = os.fdopen(messages.read_fd, "rb")
        self._output = os.fdopen(log.read_fd, "rb")
        self._gone = threading.Lock()
        self._is_reaped = False

    @property
    def pid(self) -> int:
        """Process id, and the id of its group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        with self._gone:
            if self._is_reaped:
                return False
            # Looked at, not reaped: see _await_exit.
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, order: Order) -> None:
        """Write an order; one that cannot be taken (dead or stopped trainer) is dropped."""
        with self._gone, suppress(BlockingIOError, BrokenPipeError):
            if not self._is_reaped:  # afterwards the descriptor may be someone else's
                os.write(self._orders_fd, write_line(order))

    def listen(
        self,
        on_message: Callable[[Message], None],
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Call back from threads of its own; `on_exit` comes last, with the exit code, after everything else."""
        readers = [
            threading.Thread(
                target=self._read_messages, args=(on_message,), name="trainer-messages", daemon=True
            ),
            threading.Thread(target=self._read_log, args=(on_line,), name="trainer-log", daemon=True),
        ]
        for reader in readers:
            reader.start()
        threading.Thread(
            target=self._await_exit, args=(readers, on_exit), name="trainer-exit", daemon=True
        ).start()

    def kill(self) -> None:
        """Kill the whole process group at once."""
        with self._gone:
            if not self._is_reaped:  # afterwards the id may be someone else's
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End a trainer that nobody listens to."""
        self.kill()
        self._reap()
        self._messages.close()
        self._output.close()

    def _read_messages(self, on_message: Callable[[Message], None]) -> None:
        with self._messages as lines:
            try:
                for line in lines:
                    message = read_message(line)
                    if message is not None:
                        on_message(message)
            except ValidationError:
                _log.exception("a trainer says what nobody understands: it is killed")
                self.kill()

    def _read_log(self, on_line: Callable[[str], None]) -> None:
        with self._output as log:
            while chunk := log.readline(MAX_LINE_BYTES):
                # Of a progress bar only what was drawn last is worth a line.
                text = chunk.decode(errors="replace").rstrip().rpartition("\r")[2]
                if text:
                    on_line(text)

    def _await_exit(self, readers: list[threading.Thread], on_exit: Callable[[int], None]) -> None:
        # Seen, not yet reaped: until then its id, which is its group's, cannot be given to another process.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.kill()  # what it may have left behind would hold the pipes open
        exit_code = self._reap()
        for reader in readers:
            reader.join()
        on_exit(exit_code)

    def _reap(self) -> int:
        with self._gone:
            exit_code = self._process.wait()
            if not self._is_reaped:
                os.close(self._orders_fd)
            self._is_reaped = True
        return exit_code


class Spawner:
    """Starts trainers from one thread that lives as long as the worker.

    Linux ties the parent-death signal to the spawning thread: a trainer started from a thread that ends
    would die with it.
    """

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = TRAINER_COMMAND) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
        self._environment = environment
        self._command = command

    def spawn(self) -> TrainerProcess:
        """Start a trainer that waits for its orders."""
        return self._thread.submit(TrainerProcess, self._command, self._environment).result()

    def close(self) -> None:
        """End the thread; the kernel then kills the trainers that are left."""
        self._thread.shutdown()
