"""Commands that run one service process: api, worker and predictor, which become that process's own program, and mcp."""

import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

PASS_ALL_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""All arguments, also `--help`, go to the program."""


def replace_process(
    module: str, arguments: list[str], settings: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Become `python -m MODULE ARGUMENTS…` with `settings` added to the environment; never returns.

    PYTHONSAFEPATH keeps a folder named `api` or `model` in the working directory from being imported.
    """
    environment = {**os.environ, **settings, "PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 - no shell needed


def api(context: typer.Context) -> None:
    """Run the HTTP API and its predictor with the Redis at REDIS_URL and the storage at NINEFOLD_STORAGE."""
    replace_process("api", context.args)


def worker(context: typer.Context) -> None:
    """Run one worker with REDIS_URL and NINEFOLD_STORAGE; several workers may run, on one machine or on many."""
    replace_process("worker", context.args)


def predictor(context: typer.Context) -> None:
    """Run one predictor without an API; set NINEFOLD_PREDICTOR to make an API use this predictor."""
    replace_process("api.predictor", context.args)


def mcp(url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Run an MCP server on standard input and output: a service as tools of an assistant.

    It needs the extra `mcp` of the package ninefold.
    """
    try:
        from ninefold.mcp.server import make_server  # noqa: PLC0415 - optional, and takes a second
    except ModuleNotFoundError as error:
        if error.name not in ("mcp", "mcp_types"):
            raise
        raise NinefoldError(
            "The MCP server needs the package mcp: pip install 'ninefold[mcp]'", code="mcp_missing"
        ) from error
    with connect(url, api_key) as client:
        make_server(client, version("ninefold")).run("stdio")


def register(app: typer.Typer) -> None:
    """Add these commands to the `ninefold` command."""
    for command in (api, worker, predictor):
        app.command(context_settings=dict(PASS_ALL_ARGUMENTS), add_help_option=False)(command)
