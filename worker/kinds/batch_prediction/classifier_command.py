"""The command and the environment of classifying processes."""

import os
import sys
from collections.abc import Sequence

from model.host.allocator import add_allocator_settings
from model.host.child_environment import child_environment
from worker.attempt.spawner import Spawner
from worker.kinds.batch_prediction.messages import read_message

CLASSIFIER_COMMAND = (sys.executable, "-m", "worker.kinds.batch_prediction.classifier")


def classifier_spawner(command: Sequence[str] = CLASSIFIER_COMMAND, *, storage: str = "") -> Spawner:
    """Return the spawner of a worker's classifying processes, which use the storage with this URL and may download datasets."""
    environment = child_environment(os.environ, storage, is_downloading=True)
    return Spawner(add_allocator_settings(environment), command, read_message)
