"""All of Ninefold on one machine: what `ninefold up` starts, watches, restarts and stops."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from ninefold.errors import StartError
from ninefold.local import redis_check
from ninefold.local.capped_log import CappedLog
from ninefold.local.data_folder import DataFolder
from ninefold.local.guard_process import Guard
from ninefold.local.machine import count_cpus, count_gpus, free_port, is_free
from ninefold.local.service_process import LineSink, ServiceProcess
from ninefold.local.valkey import EmbeddedValkey

TEND_EVERY_S = 0.1
VALKEY_START_S = 30.0
PYTHON = (sys.executable, "-m")
PORT_WAIT_S = 3.0
"""The API of an `up` that was killed a moment ago may still hold the port."""
WORKERS_STOP_S = 24.0
API_STOP_S = 4.0
VALKEY_STOP_S = 2.0
"""Together 30 seconds."""

Say = Callable[[str], None]
"""Tells the user one short line."""


@dataclass(frozen=True)
class StackOptions:
    """What `ninefold up` was asked for."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    """0: any free one."""
    workers: int = 0
    """0: one per GPU, or one on the CPU."""


class Stack:
    """Runs in one thread of its own until stopped: the kernel ties the children to the thread that starts them."""

    def __init__(
        self,
        options: StackOptions,
        environment: Mapping[str, str],
        say: Say,
        on_line: LineSink = lambda *_: None,
    ) -> None:
        self._options = options
        self._environment = environment
        self._say = say
        self._on_line = on_line
        self._stops = 0  # plain numbers, for signal handlers must not wait for locks
        self._is_settled = False
        self._parts: list[ServiceProcess] = []
        self._logs = ExitStack()
        self._guard = Guard()
        self._thread = threading.Thread(target=self._run, name="stack")
        self.port = options.port
        self.error: StartError | None = None

    @property
    def url(self) -> str:
        """Where the API listens, as this machine sees it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._options.host, self._options.host)  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the stack is up, starting or stopping."""
        return self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stops > 0

    @property
    def has_api(self) -> bool:
        """Whether what listens at `url` is ours."""
        return any(part.role == "api" for part in self._parts)

    def start(self) -> None:
        """Start in the background; `error` and `is_running` tell how it went."""
        self._thread.start()

    def settle(self) -> None:
        """Say that the service answered: from now on a part that ends is restarted, whatever its exit status."""
        self._is_settled = True

    def stop(self) -> None:
        """Ask for an orderly end; asking again ends everything at once."""
        self._stops += 1

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until everything has ended."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            with DataFolder(self._options.data_dir) as folder, ExitStack() as logs:
                self._logs = logs
                try:
                    self._start_parts(folder)
                    while not self.is_stopping:
                        self._tend()
                        time.sleep(TEND_EVERY_S)
                finally:
                    self._stop_parts()
                    shutil.rmtree(folder.runtime, ignore_errors=True)
        except StartError as error:
            self.error = error
        except OSError as error:
            self.error = StartError(f"Could not start: {error}.")
        finally:
            self._guard.close()

    def _start_parts(self, folder: DataFolder) -> None:
        self.port = self._choose_port()
        environment = self._settings(folder)
        given = environment.get("NINEFOLD_REDIS_URL") or environment.get("REDIS_URL")
        if given:
            redis_check.require(given)
        else:
            environment["REDIS_URL"] = self._start_valkey(folder)
        host, port = self._options.host, str(self.port)
        self._add(folder, "api", [*PYTHON, "api", "--host", host, "--port", port], environment)
        for name, arguments in self._workers():
            self._add(folder, name, [*PYTHON, "worker", *arguments], environment)

    def _add(
        self, folder: DataFolder, role: str, command: list[str], environment: Mapping[str, str]
    ) -> ServiceProcess:
        log = self._logs.enter_context(closing(CappedLog(folder.logs / f"{role}.log")))
        part = ServiceProcess(role, command, environment, log, self._on_line)
        self._parts.append(part)
        part.start()
        self._guard.watch(self._pids())
        return part

    def _pids(self) -> list[int]:
        return [part.pid for part in self._parts if part.pid]

    def _settings(self, folder: DataFolder) -> dict[str, str]:
        """The children's environment; what the user set wins."""
        ours = {
            "NINEFOLD_STORAGE": folder.storage.as_uri(),
            "NINEFOLD_CACHE_DIR": str(folder.cache),
            "NINEFOLD_RUNTIME_DIR": str(folder.runtime),
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",  # a folder `api` or `model` where the user stands is not ours
        }
        return ours | dict(self._environment)

    def _choose_port(self) -> int:
        host, port = self._options.host, self._options.port
        if port == 0:
            return free_port(host)
        deadline = time.monotonic() + PORT_WAIT_S
        while not is_free(host, port):
            if time.monotonic() > deadline:
                raise StartError(
                    f"Port {port} on {host} cannot be used: another program listens there. Try --port 0."
                )
            time.sleep(0.1)
        return port

    def _start_valkey(self, folder: DataFolder) -> str:
        valkey = EmbeddedValkey(folder)
        if valkey.moved_from:
            self._say(f"Port {valkey.moved_from} is taken by another program: Valkey moves to {valkey.port}.")
        part = self._add(folder, "valkey", valkey.command, self._environment)
        deadline = time.monotonic() + VALKEY_START_S
        while not valkey.is_ready() and not self.is_stopping:
            self._tend()
            if time.monotonic() > deadline:
                raise StartError(f"Valkey does not answer: see {part.log.path}.")
            time.sleep(0.02)
        return valkey.url

    def _workers(self) -> list[tuple[str, list[str]]]:
        """Name and arguments of each worker."""
        gpus = count_gpus(self._environment)
        count = self._options.workers or max(1, gpus)
        threads = ["--threads", str(max(1, count_cpus() // count))] if count > 1 else []
        names = ["worker"] if count == 1 else [f"worker-{index}" for index in range(count)]
        return [
            (name, [*threads, *(["--devices", str(index % gpus)] if gpus else [])])
            for index, name in enumerate(names)
        ]

    def _tend(self) -> None:
        for part in self._parts:
            before = part.pid
            status = part.tend()
            if status is not None:
                self._report(part, status)
            if part.pid != before:
                self._guard.watch(self._pids())
        self._guard.tend()

    def _report(self, part: ServiceProcess, status: int) -> None:
        if status < 0:
            how = f"was killed (signal {-status})"
        else:
            how = f"ended (status {status}: {part.log.last_line or 'it said nothing'})"
        if not self._is_settled and status > 0:
            raise StartError(f"The {part.role} {how}. Log: {part.log.path}")
        self._say(f"{part.role} {how}; starting it again.")

    def _stop_parts(self) -> None:
        """Workers first, so that a job's checkpoint still finds the others; Valkey last."""
        kinds = (("worker", WORKERS_STOP_S), ("api", API_STOP_S), ("valkey", VALKEY_STOP_S))
        for kind, limit_s in kinds:
            self._stop_kind([part for part in self._parts if part.role.startswith(kind)], limit_s)

    def _stop_kind(self, parts: list[ServiceProcess], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        for part in parts:
            part.terminate()
        while self._stops <= 1 and time.monotonic() < deadline:
            if all(part.wait(time.monotonic() + TEND_EVERY_S / 2) for part in parts):
                break
        for part in parts:
            part.kill()
