"""Replaces the `ninefold` process by another program of this project, such as `python -m worker`."""

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType


def replace_process(
    module: str, arguments: list[str], settings: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Become `python -m MODULE ARGUMENTS…` with `settings` added to the environment; never returns.

    PYTHONSAFEPATH keeps a folder named `api` or `model` in the working directory from being imported.
    """
    environment = {**os.environ, **settings, "PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 - no shell needed
