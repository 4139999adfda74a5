"""Starts the predictor process, pings it, and restarts it when it dies or hangs. Knows no torch."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from api.predictor.protocol.framing import LENGTHS, frame_head, parse_lengths
from api.predictor.protocol.messages import Ping, Pong, ProtocolError, parse_message
from api.predictor.protocol.socket_path import check_socket_path
from model.artifact.precision import PrecisionSetting
from model.host.child_environment import child_environment

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictorOptions:
    """The command-line options of the predictor."""

    socket_path: Path
    storage: str
    cache_bytes: int = 1 << 30
    device: str = "auto"
    precision: PrecisionSetting = PrecisionSetting.AUTO
    max_wait_s: float = 5.0

    def command(self) -> list[str]:
        """Return the command line; `--parent` makes the predictor end together with this process."""
        return [
            *(sys.executable, "-m", "api.predictor", "--socket", str(self.socket_path)),
            *("--storage", self.storage, "--cache-bytes", str(self.cache_bytes), "--device", self.device),
            *("--precision", self.precision, "--max-wait-s", str(self.max_wait_s)),
            *("--parent", str(os.getpid())),
        ]


@dataclass(frozen=True)
class SupervisionTimes:
    """Intervals and timeouts of the supervision, in seconds."""

    ping_every_s: float = 1.0
    ping_timeout_s: float = 10.0
    start_timeout_s: float = 120.0
    """Long enough to import torch, for a GPU, from a disk with a cold cache."""
    backoff_s: float = 0.2
    """Wait before restarting a predictor that had become ready; each start that never becomes ready doubles the
    wait, up to `max_backoff_s`."""
    max_backoff_s: float = 10.0
    stop_timeout_s: float = 5.0


class PredictorProcess:
    """The predictor as a child process, which a thread restarts with backoff when it dies or leaves pings unanswered."""

    def __init__(self, options: PredictorOptions, times: SupervisionTimes | None = None) -> None:
        check_socket_path(options.socket_path)
        self._options = options
        self._times = times or SupervisionTimes()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        # The parent-death signal follows the thread that starts the child: this thread lives until `stop`.
        self._thread = threading.Thread(target=self._supervise, name="predictor-supervision", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the running predictor."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the predictor and its supervision in a thread; return without waiting for either."""
        self._options.socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the predictor is ready to classify; return false after the timeout."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """End the predictor with SIGTERM, and with SIGKILL after the stop timeout."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()  # also ends a ping in progress
        self._thread.join(self._times.stop_timeout_s)
        if process is not None and self._thread.is_alive():
            process.kill()
            self._thread.join()

    def _supervise(self) -> None:
        backoff_s = self._times.backoff_s
        while not self._stopping.is_set():
            was_ready = self._run_once()
            if self._stopping.is_set():
                return
            backoff_s = self._times.backoff_s if was_ready else min(2 * backoff_s, self._times.max_backoff_s)
            log.warning("the predictor ended; restarting it in %.1f s", backoff_s)
            self._stopping.wait(backoff_s)

    def _run_once(self) -> bool:
        """Start one predictor and ping it until it ends; return whether it ever became ready."""
        with subprocess.Popen(
            self._options.command(),
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=child_environment(os.environ, self._options.storage),
        ) as process:
            self._process = process
            try:
                return self._ping_until_end(process)
            finally:
                self._ready.clear()
                self._end(process)

    def _ping_until_end(self, process: subprocess.Popen[bytes]) -> bool:
        must_answer_by = time.monotonic() + self._times.start_timeout_s
        was_ready = False
        while not self._stopping.is_set() and process.poll() is None:
            if ping(self._options.socket_path, timeout_s=self._times.ping_timeout_s):
                was_ready = True
                self._ready.set()
                must_answer_by = time.monotonic() + self._times.ping_timeout_s
            elif time.monotonic() > must_answer_by:
                log.error("the predictor (pid %d) does not answer", process.pid)
                break
            with suppress(subprocess.TimeoutExpired):
                process.wait(self._times.ping_every_s if was_ready else 0.1)
        return was_ready

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        process.terminate()
        try:
            process.wait(0.5 if not self._stopping.is_set() else self._times.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()


def ping(path: Path, *, timeout_s: float) -> bool:
    """Return whether the predictor at socket `path` answers that it is ready."""
    try:
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(frame_head(Ping()))
            header_bytes, _ = parse_lengths(_receive(connection, LENGTHS.size))
            answer = parse_message(_receive(connection, header_bytes))
            return isinstance(answer, Pong) and answer.ready
    except (OSError, ProtocolError):
        return False


def _receive(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionResetError("the predictor closed the connection")
    return data
