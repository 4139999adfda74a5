"""Starts trainer processes."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from model.host.allocator import add_allocator_settings
from worker.kinds.training.trainer_process import TrainerProcess

TRAINER_COMMAND = (sys.executable, "-m", "worker.kinds.training.trainer")


def trainer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a trainer: without Ninefold's settings and Redis's password, with allocator settings.

    Allocator settings that the operator has set stay as they are.
    """
    return add_allocator_settings(
        {
            name: value
            for name, value in environment.items()
            if not name.startswith("NINEFOLD_") and name != "REDIS_URL"
        }
    )


class Spawner:
    """Starts trainers from one thread that lives as long as the worker.

    Linux sends the parent-death signal when the *thread* that started the child ends.
    """

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = TRAINER_COMMAND) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
        self._environment = environment
        self._command = command

    def spawn(self) -> TrainerProcess:
        """Start a trainer, which then waits for its start message."""
        return self._thread.submit(TrainerProcess, self._command, self._environment).result()

    def close(self) -> None:
        """End the thread; the kernel then kills the remaining trainers."""
        self._thread.shutdown()
