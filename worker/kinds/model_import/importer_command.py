"""The command and the environment of the processes that read bundles."""

import os
import sys
from collections.abc import Sequence

from model.host.allocator import add_allocator_settings
from model.host.child_environment import child_environment
from worker.attempt.spawner import Spawner
from worker.kinds.model_import.messages import read_message

IMPORTER_COMMAND = (sys.executable, "-m", "worker.kinds.model_import.importer")


def importer_spawner(command: Sequence[str] = IMPORTER_COMMAND) -> Spawner:
    """Return the spawner of a worker's importing processes, which read and write local files alone."""
    return Spawner(add_allocator_settings(child_environment(os.environ, "")), command, read_message)
