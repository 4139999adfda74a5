"""The options that name a service, and the client that they open."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ninefold.client.client import Client

Url = Annotated[str, typer.Option(envvar="NINEFOLD_URL", help="Address of the service.")]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="NINEFOLD_API_KEY", help="API key, if the service requires one.", show_envvar=True),
]


def connect(url: str, api_key: str | None) -> "Client":
    """Open a client of the service."""
    from ninefold.client.client import Client  # noqa: PLC0415 - `ninefold --help` starts faster without httpx

    return Client(url, api_key)
