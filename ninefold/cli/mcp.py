"""The command that makes a service the tools of an assistant."""

from importlib.metadata import version

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError


def mcp(url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Run an MCP server on standard input and output, for assistants; see docs/mcp.md.

    It needs: pip install 'ninefold[mcp]'
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
    typer.echo("The client closed the connection.", err=True)
