"""The command that starts all service processes on this machine and stays in the foreground until they end."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from rich.console import Console

    from ninefold.local.service_setup import StackOptions
    from ninefold.local.stack import Stack


def up(
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; an address that others can reach needs NINEFOLD_API_KEYS."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port of the API and the dashboard; 0 takes a free port.", min=0, max=65535)
    ] = 8000,
    data_dir: Annotated[
        Path, typer.Option(help="Folder for jobs, datasets, models and logs.", file_okay=False)
    ] = Path("data"),
    workers: Annotated[
        int,
        typer.Option(help="Number of workers; 0 starts one for each GPU, or one on the CPU.", min=0, max=64),
    ] = 0,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the log lines of all service processes.")
    ] = False,
) -> None:
    """Start Ninefold on this machine: Valkey, API, predictor, workers. Ctrl-C stops it.

    If REDIS_URL is set, that Redis is used and no Valkey is started.

    Examples:

        ninefold up

        ninefold up --port 9000 --data-dir ~/ninefold

        NINEFOLD_API_KEYS=alice:$(openssl rand -hex 16) ninefold up --host 0.0.0.0
    """
    from ninefold.local.service_setup import StackOptions  # noqa: PLC0415 - imports filelock

    _run_in_foreground(
        StackOptions(data_dir=data_dir, host=host, port=port, workers=workers), is_verbose=verbose
    )


def _run_in_foreground(options: "StackOptions", *, is_verbose: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s

    from ninefold.local.readiness import wait_until_ready  # noqa: PLC0415 - imports httpx
    from ninefold.local.stack import STOP_SIGNALS, Stack  # noqa: PLC0415 - imports redis

    console = Console(highlight=False, soft_wrap=True, markup=False)
    stack = Stack(
        options,
        dict(os.environ),
        report=console.print,
        on_line=lambda role, line: console.print(f"{role:>9}  {line}") if is_verbose else None,
    )
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: stack.stop())
    stack.start()
    with console.status("Starting Valkey, API, predictor and worker"):
        is_ready = wait_until_ready(stack)
    if is_ready:
        console.print(_welcome(stack.url, options.data_dir, os.environ))
    _wait_until_ended(stack, console)
    if stack.error:
        raise stack.error


def _wait_until_ended(stack: "Stack", console: "Console") -> None:
    is_announced = False
    while stack.is_running:
        if stack.is_stopping and not is_announced:
            console.print(
                "Stopping; a running job saves a checkpoint first. Press Ctrl-C again to stop at once."
            )
            is_announced = True
        stack.join(0.2)


def _welcome(url: str, data_dir: Path, environment: Mapping[str, str]) -> str:
    """Tell where the service is, and the first command, complete with the address and the key that it needs."""
    address = "" if url == environment.get("NINEFOLD_URL", DEFAULT_URL) else f" --url {url}"
    has_keys = bool(environment.get("NINEFOLD_API_KEYS"))
    header = ' -H "Authorization: Bearer $NINEFOLD_API_KEY"' if has_keys else ""
    keys = "  Key         export NINEFOLD_API_KEY=…   # the part after the colon in NINEFOLD_API_KEYS\n"
    return (
        f"\nNinefold is up.\n"
        f"  Dashboard   {url}/\n"
        f"  API docs    {url}/docs\n"
        f"  Data, logs  {data_dir.expanduser().resolve()}\n\n"
        f"{keys if has_keys else ''}"
        f"  Train       ninefold submit digits --watch{address}\n"
        f'  The same    curl --json \'{{"dataset": "digits"}}\'{header} {url}/jobs\n\n'
        "Ctrl-C stops it."
    )
