"""The command and the environment of trainer processes."""

import os
import sys
from collections.abc import Mapping, Sequence

from model.host.allocator import add_allocator_settings
from worker.attempt.spawner import Spawner
from worker.kinds.training.messages import read_message

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


def trainer_spawner(command: Sequence[str] = TRAINER_COMMAND) -> Spawner:
    """Return the spawner of a worker's trainers."""
    return Spawner(trainer_environment(os.environ), command, read_message)
