"""Commands about datasets: add one, list all."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

SHOWN_CLASSES = 5

app = typer.Typer(
    help="Add and list datasets.", epilog="Example: ninefold datasets add flowers/", no_args_is_help=True
)


@app.command()
def add(
    path: Annotated[Path, typer.Argument(exists=True, help="A folder of images, or a zip file of one.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. Default: the name of the folder or file.")
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Upload images as a dataset: a folder for each class, optionally under train/ and test/, or a labels.csv at the root.

    Examples:

        ninefold datasets add flowers/

        ninefold datasets add photos.zip --name holiday
    """
    with connect(url, api_key) as client:
        dataset = client.add_dataset(path, name or path.resolve().stem.lower())
    typer.echo(describe(dataset))
    for line in describe_skipped(dataset):
        typer.echo(line, err=True)
    typer.echo(f"Train with: ninefold submit {dataset['name']} --watch", err=True)


@app.command("list")
def list_all(url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """List all datasets, newest first.

    Example:

        ninefold datasets list
    """
    with connect(url, api_key) as client:
        for dataset in client.datasets():
            typer.echo(describe(dataset))


def describe(dataset: "Json") -> str:
    """Describe one dataset in one line."""
    classes = dataset["classes"]
    shown = ", ".join(classes[:SHOWN_CLASSES]) + (", …" if len(classes) > SHOWN_CLASSES else "")
    line = (
        f"{dataset['name']}  {dataset['id']}  {sum(dataset['train_counts']):,} to train, "
        f"{sum(dataset['test_counts']):,} to test  {len(classes)} classes: {shown}"
    )
    return line + (f"  ({dataset['skipped_count']:,} files skipped)" if dataset["skipped_count"] else "")


def describe_skipped(dataset: "Json") -> list[str]:
    """Return one line for each skipped file that the record names, and one line that counts the others."""
    named = dataset.get("skipped", [])
    lines = [f"  skipped {file['path']}: {file['reason']}" for file in named]
    unnamed = dataset["skipped_count"] - len(named)
    return [*lines, f"  skipped {unnamed:,} more"] if unnamed else lines
