"""Commands about the files of a model: download them, delete the model."""

from pathlib import Path
from typing import Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.models.listing import Ref
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError


def download(
    ref: Ref,
    *,
    file: Annotated[
        list[str] | None, typer.Option(help="Only this file, such as model.safetensors; repeatable.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--to", file_okay=False, help="The folder. Default: NAME-VERSION, a new one."),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Download the files of a model: weights, manifest, and what else there is.

    Examples:

        ninefold models download flowers

        ninefold models download flowers:3 --file model.safetensors --to models/
    """
    with connect(url, api_key) as client:
        model = client.model(ref)
        target = folder or Path(f"{model['name']}-{model['version']}")
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NinefoldError(f"{target} cannot be made: {error.strerror}.", code="not_written") from error
        for name in file or [*model["files"], "manifest.json"]:
            client.download_model(model["id"], target / Path(name).name, name)
            typer.echo(target / Path(name).name)


def delete(ref: Ref, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Delete a model; one that an alias points at is refused. The history of its aliases stays.

    Example:

        ninefold models delete flowers:2
    """
    with connect(url, api_key) as client:
        model = client.model(ref)
        client.delete_model(model["id"])
    typer.echo(f"{model['name']}:{model['version']} ({model['id']}) is deleted")
