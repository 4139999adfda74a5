"""`python -m worker`: reads the settings, then runs a worker until a signal ends it."""

import argparse
import sys

from pydantic import ValidationError

from model.errors import StorageError
from worker.errors import RedisUnusableError
from worker.service.service import SettingsError, run_worker
from worker.settings import WorkerSettings


def main() -> None:
    """Run a worker; what prevents its start is printed as one line with a non-zero exit."""
    try:
        sys.exit(run_worker(_read_settings()))
    except (SettingsError, RedisUnusableError, StorageError) as error:
        sys.exit(f"worker: {error}")


def _read_settings() -> WorkerSettings:
    parser = argparse.ArgumentParser(
        prog="worker",
        description="Do queued work, one item at a time: training jobs (lane `training`) and imports (lane `light`).",
        epilog="Examples: ninefold worker --lanes training --devices 0,1; ninefold worker --lanes light",
    )
    parser.add_argument("--devices", help="auto, cpu, or the numbers of CUDA devices: 0,1")
    parser.add_argument(
        "--threads", type=int, help="threads of a trainer; 0: as many as the CPU quota allows"
    )
    parser.add_argument("--lanes", help="training, light, or both: light,training (default)")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    try:
        return WorkerSettings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise SettingsError(f"The setting {name} is invalid: {first['msg']}.") from error


if __name__ == "__main__":
    main()
