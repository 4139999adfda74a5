"""Starts the predictor, watches it and starts it again; knows nothing of what it does, and no torch."""

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

from api.predictor.protocol.channel import (
    LENGTHS,
    Ping,
    Pong,
    WireError,
    frame_head,
    parse_header,
    parse_lengths,
)

log = logging.getLogger(__name__)

MAX_SOCKET_PATH_BYTES = 100  # the kernel takes 108, its closing zero included


@dataclass(frozen=True)
class PredictorOptions:
    """What the predictor is started with."""

    socket_path: Path
    storage: str
    cache_bytes: int = 1 << 30
    device: str = "auto"

    def command(self) -> list[str]:
        """The command line; with `--parent` it ends when this process does."""
        return [
            *(sys.executable, "-m", "api.predictor", "--socket", str(self.socket_path)),
            *("--storage", self.storage, "--cache-bytes", str(self.cache_bytes), "--device", self.device),
            *("--parent", str(os.getpid())),
        ]


@dataclass(frozen=True)
class WatchTimes:
    """How patiently the predictor is watched, in seconds."""

    ping_every_s: float = 1.0
    ping_timeout_s: float = 10.0
    start_timeout_s: float = 120.0
    """Importing torch from a cold disk."""
    backoff_s: float = 0.2
    """Before the second start; doubled each time up to `max_backoff_s`, reset by a ready predictor."""
    max_backoff_s: float = 10.0
    stop_timeout_s: float = 5.0


class PredictorProcess:
    """One predictor: started, restarted with backoff when it dies or leaves a ping unanswered, stopped."""

    def __init__(self, options: PredictorOptions, times: WatchTimes | None = None) -> None:
        check_socket_path(options.socket_path)
        self._options = options
        self._times = times or WatchTimes()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        # The parent-death signal follows the thread that starts the child: this one lives until `stop`.
        self._thread = threading.Thread(target=self._watch, name="predictor-watch", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the predictor that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Starts it and watches it from a thread; returns at once."""
        self._options.socket_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Whether the predictor is, within that time, ready to classify."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """Ends it: asked first, killed when it does not go."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()  # also ends a ping under way
        self._thread.join(self._times.stop_timeout_s)
        if process is not None and self._thread.is_alive():
            process.kill()
            self._thread.join()

    def _watch(self) -> None:
        backoff_s = self._times.backoff_s
        while not self._stopping.is_set():
            was_ready = self._run_once()
            if self._stopping.is_set():
                return
            backoff_s = self._times.backoff_s if was_ready else min(2 * backoff_s, self._times.max_backoff_s)
            log.warning("the predictor ended; starting it again in %.1f s", backoff_s)
            self._stopping.wait(backoff_s)

    def _run_once(self) -> bool:
        """Runs one predictor to its end; whether it ever became ready."""
        with subprocess.Popen(
            self._options.command(), stdin=subprocess.PIPE, start_new_session=True
        ) as process:
            self._process = process
            try:
                return self._keep_pinging(process)
            finally:
                self._ready.clear()
                self._end(process)

    def _keep_pinging(self, process: subprocess.Popen[bytes]) -> bool:
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


def check_socket_path(path: Path) -> None:
    """Raises `ValueError` for a path that is too long for a Unix socket."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise ValueError(
            f"The socket path {path} is longer than {MAX_SOCKET_PATH_BYTES} bytes: "
            "set NINEFOLD_RUNTIME_DIR to a short folder, such as /tmp/ninefold."
        )


def ping(path: Path, *, timeout_s: float) -> bool:
    """Whether the predictor behind that socket says that it is ready."""
    try:
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(frame_head(Ping()))
            header_bytes, _ = parse_lengths(_receive(connection, LENGTHS.size))
            answer = parse_header(_receive(connection, header_bytes))
            return isinstance(answer, Pong) and answer.ready
    except (OSError, WireError):
        return False


def _receive(connection: socket.socket, size: int) -> bytes:
    data = connection.recv(size, socket.MSG_WAITALL)
    if len(data) < size:
        raise ConnectionResetError("the predictor closed the connection")
    return data
