"""The stack of service processes: starts what `ninefold up` runs on one machine, restarts it and stops it."""

import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

from ninefold.errors import StartError
from ninefold.local import redis_check
from ninefold.local.capped_log import CappedLog
from ninefold.local.data_folder import DataFolder
from ninefold.local.orphan_guard import OrphanGuard
from ninefold.local.service_process import LineSink, ServiceProcess
from ninefold.local.service_setup import StackOptions, choose_port, service_environment, worker_arguments
from ninefold.local.valkey import EmbeddedValkey

SUPERVISE_EVERY_S = 0.1
VALKEY_START_S = 30.0
PYTHON = (sys.executable, "-m")
WORKERS_STOP_S = 24.0
API_STOP_S = 4.0
VALKEY_STOP_S = 2.0
"""How long each kind of process may take to stop before it is killed; 30 seconds together."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stack:
    """Runs the service processes from one thread until stopped.

    One thread starts them all and lives until the end, because Linux sends the parent-death signal when the starting
    thread ends.
    """

    def __init__(
        self,
        options: StackOptions,
        environment: Mapping[str, str],
        report: Callable[[str], None],
        on_line: LineSink = lambda *_: None,
    ) -> None:
        self._options = options
        self._environment = environment
        self._report = report
        self._on_line = on_line
        self._stop_requests = 0  # a plain number: a signal handler must not wait for a lock
        self._is_ready = False
        self._processes: list[ServiceProcess] = []
        self._logs = ExitStack()
        self._guard = OrphanGuard()
        self._thread = threading.Thread(target=self._run, name="stack")
        self.port = options.port
        self.error: StartError | None = None

    @property
    def url(self) -> str:
        """The API's address for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._options.host, self._options.host)  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the stack is starting, up or stopping."""
        return self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_requests > 0

    @property
    def has_api(self) -> bool:
        """Whether this stack has started its API; before that, another program may answer at `url`."""
        return any(process.role == "api" for process in self._processes)

    def start(self) -> None:
        """Start the processes in the background; `is_running` and `error` show the result."""
        self._thread.start()

    def mark_ready(self) -> None:
        """Record that the service is ready: from now on a process that fails is restarted instead of ending the stack."""
        self._is_ready = True

    def stop(self) -> None:
        """Request an orderly stop; a second call kills all processes at once. Safe in a signal handler."""
        self._stop_requests += 1

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until all processes have ended."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            with DataFolder(self._options.data_dir) as folder, ExitStack() as logs:
                self._logs = logs
                try:
                    self._start_processes(folder)
                    while not self.is_stopping:
                        self._supervise()
                        time.sleep(SUPERVISE_EVERY_S)
                finally:
                    self._stop_processes()
                    shutil.rmtree(folder.runtime, ignore_errors=True)
        except StartError as error:
            self.error = error
        except OSError as error:
            self.error = StartError(f"Could not start: {error}.")
        finally:
            self._guard.close()

    def _start_processes(self, folder: DataFolder) -> None:
        self.port = choose_port(self._options.host, self._options.port)
        environment = service_environment(folder, self._environment)
        given_url = environment.get("NINEFOLD_REDIS_URL") or environment.get("REDIS_URL")
        if given_url:
            redis_check.require_answer(given_url)
        else:
            valkey = EmbeddedValkey(folder)
            if valkey.is_new:  # nothing that a process of an earlier release would have to read
                environment.setdefault("NINEFOLD_PACK_AFTER_DAYS", "0")
            environment["REDIS_URL"] = self._start_valkey(folder, valkey)
        listen = ["--host", self._options.host, "--port", str(self.port)]
        self._start_process(folder, "api", [*PYTHON, "api", *listen], environment)
        for role, arguments in worker_arguments(self._options.workers, self._environment):
            self._start_process(folder, role, [*PYTHON, "worker", *arguments], environment)

    def _start_valkey(self, folder: DataFolder, valkey: EmbeddedValkey) -> str:
        if valkey.moved_from:
            self._report(
                f"Port {valkey.moved_from} is taken by another program: Valkey moves to {valkey.port}."
            )
        process = self._start_process(folder, "valkey", valkey.command, self._environment)
        deadline = time.monotonic() + VALKEY_START_S
        while not valkey.is_ready() and not self.is_stopping:
            self._supervise()
            if time.monotonic() > deadline:
                raise StartError(f"Valkey does not answer: see {process.log.path}.")
            time.sleep(0.02)
        return valkey.url

    def _start_process(
        self, folder: DataFolder, role: str, command: list[str], environment: Mapping[str, str]
    ) -> ServiceProcess:
        log = self._logs.enter_context(closing(CappedLog(folder.logs / f"{role}.log")))
        process = ServiceProcess(role, command, environment, log, self._on_line)
        self._processes.append(process)
        process.start()
        self._send_pids_to_guard()
        return process

    def _send_pids_to_guard(self) -> None:
        self._guard.watch([process.pid for process in self._processes if process.pid])

    def _supervise(self) -> None:
        for process in self._processes:
            pid_before = process.pid
            status = process.supervise()
            if status is not None:
                self._report_end(process, status)
            if process.pid != pid_before:
                self._send_pids_to_guard()
        self._guard.restart_if_dead()

    def _report_end(self, process: ServiceProcess, status: int) -> None:
        if status < 0:
            cause = f"was killed (signal {-status})"
        else:
            cause = f"ended (status {status}: {process.log.last_line or 'it printed nothing'})"
        if not self._is_ready and status > 0:
            raise StartError(f"The {process.role} {cause}. Log: {process.log.path}")
        self._report(f"{process.role} {cause}; starting it again.")

    def _stop_processes(self) -> None:
        """Stop the workers first, whose jobs save a checkpoint and record it in Redis; Valkey last."""
        for role, limit_s in (("worker", WORKERS_STOP_S), ("api", API_STOP_S), ("valkey", VALKEY_STOP_S)):
            self._stop_role(
                [process for process in self._processes if process.role.startswith(role)], limit_s
            )

    def _stop_role(self, processes: list[ServiceProcess], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        for process in processes:
            process.terminate()
        while self._stop_requests <= 1 and time.monotonic() < deadline:
            if all(process.wait(time.monotonic() + SUPERVISE_EVERY_S / 2) for process in processes):
                break
        for process in processes:
            process.kill()
