"""Commands that start parts of the service: each becomes the part's own program."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

OWN_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""All arguments go to the part, `--help` too."""


def become(module: str, arguments: list[str], settings: Mapping[str, str] = MappingProxyType({})) -> None:
    """Replace this process by `python -m MODULE …`; a folder `api` or `model` where the user stands is not ours."""
    environment = {**os.environ, **settings, "PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 - no shell is the point


def api(context: typer.Context) -> None:
    """Run the HTTP API and its predictor, against REDIS_URL and NINEFOLD_STORAGE."""
    become("api", context.args)


def worker(context: typer.Context) -> None:
    """Run one worker, against REDIS_URL and NINEFOLD_STORAGE: any number, on any machine."""
    become("worker", context.args)


def predictor(context: typer.Context) -> None:
    """Run a predictor alone; point the API to it with NINEFOLD_PREDICTOR."""
    become("api.predictor", context.args)


def up(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine it needs NINEFOLD_API_KEYS.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port of the API and dashboard; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    data_dir: Annotated[
        Path, typer.Option(help="Keeps jobs, datasets, models and logs.", file_okay=False)
    ] = Path("data"),
    workers: Annotated[int, typer.Option(help="How many; 0 is one per GPU, or one.", min=0, max=64)] = 0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print what every part logs.")] = False,
) -> None:
    """Start everything on this machine: Valkey, API, predictor, workers. Ctrl-C stops it.

    With REDIS_URL set, that server is used and none is started.

    Examples:

        ninefold up

        ninefold up --port 9000 --data-dir ~/ninefold

        NINEFOLD_API_KEYS=alice:$(openssl rand -hex 16) ninefold up --host 0.0.0.0
    """
    from ninefold.local.stack import StackOptions  # noqa: PLC0415 - other commands start faster without
    from ninefold.local.up import run_up  # noqa: PLC0415

    run_up(
        StackOptions(data_dir=data_dir, host=host, port=port, workers=workers),
        dict(os.environ),
        verbose=verbose,
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)
    for command in (api, worker, predictor):
        app.command(context_settings=dict(OWN_ARGUMENTS), add_help_option=False)(command)
