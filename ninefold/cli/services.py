"""Commands that run one service process: api, worker, predictor. Each becomes that process's own program."""

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType

import typer

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


def register(app: typer.Typer) -> None:
    """Add these commands to the `ninefold` command."""
    for command in (api, worker, predictor):
        app.command(context_settings=dict(PASS_ALL_ARGUMENTS), add_help_option=False)(command)
