"""Commands that look after what a service keeps: each runs a worker's own program against its Redis and storage."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ninefold.cli.services import become
from ninefold.errors import StartError

DEFAULT_DATA_DIR = Path("data")

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="The data folder of a running `ninefold up`, as given there. Default: data, when it is there; "
        "REDIS_URL and NINEFOLD_STORAGE win over it.",
        file_okay=False,
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(help="The tar to write; it must not exist yet.")],
    data_dir: DataDir = None,
) -> None:
    """Write all jobs, models and datasets into one file, while the service runs.

    The file holds everything, so keep it as private as the service. It fits any Redis or Valkey.

    Examples:

        ninefold backup monday.tar

        ninefold backup monday.tar --data-dir ~/ninefold
    """
    become("worker.upkeep.backup.write", [str(file)], service_of(data_dir))


def restore(
    file: Annotated[
        Path, typer.Argument(help="A tar that `ninefold backup` wrote.", exists=True, dir_okay=False)
    ],
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back into a new, empty service.

    What was running goes on from its last checkpoint. Nothing is ever mixed or replaced: a service that knows jobs,
    models or datasets is refused.

    Example, in two terminals:

        ninefold up --data-dir new

        ninefold restore monday.tar --data-dir new
    """
    become("worker.upkeep.backup.restore", [str(file)], service_of(data_dir))


def gc(
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete from storage what nothing refers to, while the service runs.

    That is: checkpoints of jobs that ended or are gone; models and datasets that never came to be, and what killed
    writers left, all of that older than a day. Never a published model.

    Examples:

        ninefold gc --dry-run

        ninefold gc --data-dir ~/ninefold
    """
    become("worker.upkeep.gc", ["--dry-run"] if dry_run else [], service_of(data_dir))


def reindex(data_dir: DataDir = None) -> None:
    """Rebuild the list of models in Redis from the manifests in storage.

    Examples:

        ninefold reindex

        ninefold reindex --data-dir ~/ninefold
    """
    become("worker.upkeep.reindex", [], service_of(data_dir))


def service_of(data_dir: Path | None) -> dict[str, str]:
    """Where a folder's service keeps things, as settings; what the user set wins, as it does for `up`."""
    from ninefold.local.valkey import known_url  # noqa: PLC0415 - other commands start faster without

    folder = (data_dir or DEFAULT_DATA_DIR).expanduser().resolve()
    if data_dir and not (folder / "storage").is_dir():
        raise StartError(f"{folder} is no data folder: start `ninefold up --data-dir {data_dir}` first.")
    settings = {"NINEFOLD_STORAGE": (folder / "storage").as_uri()}
    has_redis = os.environ.get("NINEFOLD_REDIS_URL") or os.environ.get("REDIS_URL")
    url = None if has_redis else known_url(folder)
    if data_dir and not has_redis and not url:
        raise StartError(f"{folder} has no Redis of its own: set REDIS_URL to the one that its service uses.")
    if url:
        settings["REDIS_URL"] = url
    return {name: value for name, value in settings.items() if not os.environ.get(name)}
