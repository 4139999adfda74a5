"""A child process as its supervisor sees it: commands go in, messages and log lines come out.

Knows neither Redis nor the kinds of work.
"""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pydantic import ValidationError

from worker.attempt.messages import Line, write_line

MAX_LINE_BYTES = 4096

_log = logging.getLogger(__name__)


class _Pipe:
    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()


def _start(
    command: Sequence[str], environment: Mapping[str, str], commands: _Pipe, messages: _Pipe, log: _Pipe
) -> subprocess.Popen[bytes]:
    """Start the process, and close its ends of the pipes in this process."""
    try:
        process = subprocess.Popen(
            [*command, "--fd", str(messages.write_fd), "--parent", str(os.getpid())],
            stdin=commands.read_fd,
            stdout=log.write_fd,
            stderr=log.write_fd,
            pass_fds=(messages.write_fd,),
            env=dict(environment),
            start_new_session=True,
        )
    except OSError:
        for pipe in (commands, messages, log):
            os.close(pipe.read_fd)
            os.close(pipe.write_fd)
        raise
    for child_fd in (commands.read_fd, messages.write_fd, log.write_fd):
        os.close(child_fd)
    return process


class ChildProcess:
    """A child process, the leader of its own session and process group."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        read_message: Callable[[bytes], Line | None],
    ) -> None:
        """`read_message` parses a line; it returns None for a line cut short, and raises ValidationError."""
        commands, messages, log = _Pipe(), _Pipe(), _Pipe()
        self._read_message = read_message
        self._process = _start(command, environment, commands, messages, log)
        self._commands_fd = commands.write_fd
        # A stopped (SIGSTOP) child must not block its supervisor: a write takes only what the pipe has room for.
        os.set_blocking(self._commands_fd, False)
        self._unsent = b""
        """The rest of a command that did not fit into the pipe."""
        self._messages = os.fdopen(messages.read_fd, "rb")
        self._output = os.fdopen(log.read_fd, "rb")
        self._reap_lock = threading.Lock()
        self._is_reaped = False

    @property
    def pid(self) -> int:
        """Id of the process and of its process group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        with self._reap_lock:
            if self._is_reaped:
                return False
            # WNOWAIT leaves the zombie in place: see _wait_for_exit.
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, command: Line) -> None:
        """Send a command; it is dropped when the child is dead or has not yet read the command before."""
        with self._reap_lock:
            self._write_unsent()
            if not self._unsent:
                self._unsent = write_line(command)
                self._write_unsent()

    def send_rest(self) -> None:
        """Continue a command that did not fit into the pipe; call it repeatedly."""
        with self._reap_lock:
            self._write_unsent()

    def _write_unsent(self) -> None:
        """Write as much as the pipe has room for. The caller holds the lock."""
        try:
            while self._unsent and not self._is_reaped:  # the descriptor of a reaped one may be another file
                self._unsent = self._unsent[os.write(self._commands_fd, self._unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._unsent = b""

    def listen(
        self,
        on_message: Callable[[Line], None],
        on_line: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Start threads that call back with each message and log line, and at last `on_exit` with the exit code."""
        readers = [
            threading.Thread(
                target=self._read_messages, args=(on_message,), name="child-messages", daemon=True
            ),
            threading.Thread(target=self._read_log, args=(on_line,), name="child-log", daemon=True),
        ]
        for reader in readers:
            reader.start()
        threading.Thread(
            target=self._wait_for_exit, args=(readers, on_exit), name="child-exit", daemon=True
        ).start()

    def kill(self) -> None:
        """Kill the whole process group at once."""
        with self._reap_lock:
            if not self._is_reaped:  # afterwards the id may belong to another process
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill a child on which `listen` was never called, and close its pipes."""
        self.kill()
        self._reap()
        self._messages.close()
        self._output.close()

    def _read_messages(self, on_message: Callable[[Line], None]) -> None:
        with self._messages as lines:
            try:
                for line in lines:
                    message = self._read_message(line)
                    if message is not None:
                        on_message(message)
            except ValidationError:
                _log.exception("killing a child process that sent an invalid message")
                self.kill()

    def _read_log(self, on_line: Callable[[str], None]) -> None:
        with self._output as log:
            while chunk := log.readline(MAX_LINE_BYTES):
                # A progress bar redraws its line after carriage returns: keep only its last state.
                text = chunk.decode(errors="replace").rstrip().rpartition("\r")[2]
                if text:
                    on_line(text)

    def _wait_for_exit(self, readers: list[threading.Thread], on_exit: Callable[[int], None]) -> None:
        # Wait without reaping: the process id, also its group's, cannot be reused before the zombie is reaped.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.kill()  # child processes it left behind would keep the pipes open
        exit_code = self._reap()
        for reader in readers:
            reader.join()
        on_exit(exit_code)

    def _reap(self) -> int:
        with self._reap_lock:
            exit_code = self._process.wait()
            if not self._is_reaped:
                os.close(self._commands_fd)
            self._is_reaped = True
        return exit_code
