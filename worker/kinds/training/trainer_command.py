"""The command and the environment of trainer processes."""

import os
import sys
from collections.abc import Mapping, Sequence

from model.host.allocator import add_allocator_settings
from model.host.child_environment import child_environment
from worker.attempt.spawner import Spawner
from worker.kinds.training.messages import read_message

TRAINER_COMMAND = (sys.executable, "-m", "worker.kinds.training.trainer")


def trainer_environment(environment: Mapping[str, str], storage: str) -> dict[str, str]:
    """Return the environment of a trainer that uses the storage with this URL: allocator settings, and the proxies.

    A trainer downloads built-in datasets, and starts before its dataset is known. Allocator settings that the operator has set stay as they are.
    """
    return add_allocator_settings(child_environment(environment, storage, is_downloading=True))


def trainer_spawner(command: Sequence[str] = TRAINER_COMMAND, *, storage: str = "") -> Spawner:
    """Return the spawner of a worker's trainers, which use the storage with this URL."""
    return Spawner(trainer_environment(os.environ, storage), command, read_message)
