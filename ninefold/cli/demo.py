"""The command that shows all of Ninefold in a minute."""

import os
from typing import Annotated

import typer

from ninefold.cli.connection import ApiKey


def demo(
    url: Annotated[str | None, typer.Option(help="Use a service that runs already.")] = None,
    api_key: ApiKey = None,
) -> None:
    """Train on handwritten digits and classify some, in about a minute; needs no network and leaves nothing behind.

    Examples:

        ninefold demo

        ninefold demo --url http://127.0.0.1:8000
    """
    from ninefold.cli.demo_run import run_demo  # noqa: PLC0415 - the other commands start faster without

    run_demo(url, api_key, dict(os.environ))
