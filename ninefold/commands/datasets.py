"""Commands about datasets: add one, list them."""

from pathlib import Path
from typing import Annotated

import typer

from ninefold.commands.connection import DEFAULT_URL, ApiKey, Url, connect

app = typer.Typer(help="Add and list datasets.", no_args_is_help=True)


@app.command()
def add(
    path: Annotated[Path, typer.Argument(exists=True, help="A folder, or a zip of one.")],
    name: Annotated[str | None, typer.Option(help="By default the folder's or file's own.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Upload images: a folder for each class, optionally under train/ and test/, or a labels.csv at the root.

    Examples:

        ninefold datasets add flowers/

        ninefold datasets add photos.zip --name holiday
    """
    with connect(url, api_key) as client:
        dataset = client.add_dataset(path, name or path.resolve().stem.lower())
    typer.echo(describe(dataset))
    typer.echo(f"Train with: ninefold submit {dataset['name']} --watch", err=True)


@app.command("list")
def list_all(url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """List every dataset, newest first.

    Example:

        ninefold datasets list
    """
    with connect(url, api_key) as client:
        for dataset in client.datasets():
            typer.echo(describe(dataset))


def describe(dataset: dict[str, object]) -> str:
    """One dataset in one line."""
    return str(dataset)
