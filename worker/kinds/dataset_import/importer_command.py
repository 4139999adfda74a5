"""The command and the environment of import processes."""

import os
import sys
from collections.abc import Mapping, Sequence

from worker.attempt.spawner import Spawner
from worker.kinds.dataset_import.messages import read_message

IMPORTER_COMMAND = (sys.executable, "-m", "worker.kinds.dataset_import.importer")


def importer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an import process: nothing but where Python finds modules, since it reads hostile files."""
    kept = {name: environment[name] for name in ("PYTHONPATH", "PYTHONSAFEPATH") if name in environment}
    return {"PYTHONUTF8": "1", **kept}


def importer_spawner(command: Sequence[str] = IMPORTER_COMMAND) -> Spawner:
    """Return the spawner of a worker's import processes."""
    return Spawner(importer_environment(os.environ), command, read_message)
