"""`python -m worker`: reads the settings, then hears the bell until it is told to end."""

import argparse
import sys

from pydantic import ValidationError

from model.errors import StorageError
from worker.errors import RedisUnusableError
from worker.service.service import SettingsError, run_worker
from worker.settings import WorkerSettings


def main() -> None:
    """Run a worker; anything that keeps it from starting is one line and a non-zero exit."""
    try:
        sys.exit(run_worker(_read_settings()))
    except (SettingsError, RedisUnusableError, StorageError) as error:
        sys.exit(f"worker: {error}")


def _read_settings() -> WorkerSettings:
    parser = argparse.ArgumentParser(prog="worker", description="Train jobs, one at a time.")
    parser.add_argument("--devices", help="auto, cpu, or the numbers of CUDA devices: 0,1")
    parser.add_argument("--threads", type=int, help="of a trainer; 0: as many as the CPU quota allows")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    try:
        return WorkerSettings(**given)
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(map(str, wrong["loc"]))
        raise SettingsError(f"The setting {name} is wrong: {wrong['msg']}.") from error


if __name__ == "__main__":
    main()
