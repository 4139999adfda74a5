"""Commands that look after a service's data: backup, restore, gc, reindex. Each becomes a program of the worker package."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ninefold.cli.services import replace_process
from ninefold.errors import StartError
from ninefold.local.valkey_address import stored_valkey_url

DEFAULT_DATA_DIR = Path("data")

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Data folder of a running `ninefold up`. Default: data, if that folder exists. "
        "REDIS_URL and NINEFOLD_STORAGE take precedence over the folder.",
        file_okay=False,
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(help="Tar file to write; it must not exist yet.")],
    data_dir: DataDir = None,
) -> None:
    """Write all jobs, models and datasets into one file, while the service runs.

    The file contains all data of the service: keep it as private as the service.

    `ninefold restore` reads it into any Redis or Valkey.

    Examples:

        ninefold backup monday.tar

        ninefold backup monday.tar --data-dir ~/ninefold
    """
    replace_process("worker.upkeep.backup.write", [str(file)], service_settings(data_dir))


def restore(
    file: Annotated[
        Path, typer.Argument(help="Tar file that `ninefold backup` wrote.", exists=True, dir_okay=False)
    ],
    data_dir: DataDir = None,
) -> None:
    """Restore a backup into a new, empty service.

    Jobs that were running continue from their last checkpoint.

    A service that already has jobs, models or datasets is refused: nothing is merged.

    A restore that was cut short can be repeated.

    Example, in two terminals:

        ninefold up --data-dir new

        ninefold restore monday.tar --data-dir new
    """
    replace_process("worker.upkeep.backup.restore", [str(file)], service_settings(data_dir))


def gc(
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
) -> None:
    """Delete unreferenced files from the storage, while the service runs.

    Unreferenced are checkpoints of jobs that ended or were deleted.

    When older than a day, also unfinished models and datasets, and temporary files.

    Published models are never deleted.

    Examples:

        ninefold gc --dry-run

        ninefold gc --data-dir ~/ninefold
    """
    replace_process("worker.upkeep.gc", ["--dry-run"] if dry_run else [], service_settings(data_dir))


def reindex(data_dir: DataDir = None) -> None:
    """Rebuild the list of models in Redis from the manifests in the storage.

    Examples:

        ninefold reindex

        ninefold reindex --data-dir ~/ninefold
    """
    replace_process("worker.upkeep.reindex", [], service_settings(data_dir))


def service_settings(data_dir: Path | None) -> dict[str, str]:
    """Return REDIS_URL and NINEFOLD_STORAGE of a data folder's service, except those that the user already set."""

    folder = (data_dir or DEFAULT_DATA_DIR).expanduser().resolve()
    if data_dir and not (folder / "storage").is_dir():
        raise StartError(f"{folder} is no data folder: start `ninefold up --data-dir {data_dir}` first.")
    has_redis = os.environ.get("NINEFOLD_REDIS_URL") or os.environ.get("REDIS_URL")
    if not (folder / "storage").is_dir() and not (has_redis and os.environ.get("NINEFOLD_STORAGE")):
        raise StartError(
            f"There is no service in {folder}: name the data folder of `ninefold up` with --data-dir, or set REDIS_URL and "
            "NINEFOLD_STORAGE."
        )
    settings = {"NINEFOLD_STORAGE": (folder / "storage").as_uri()}
    url = None if has_redis else stored_valkey_url(folder)
    if data_dir and not has_redis and not url:
        raise StartError(f"{folder} has no Redis of its own: set REDIS_URL to the Redis of its service.")
    if url:
        settings["REDIS_URL"] = url
    return {name: value for name, value in settings.items() if not os.environ.get(name)}
