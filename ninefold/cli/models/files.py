"""Commands about the files of a model: download, export and import them, delete the model."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson
from ninefold.cli.models.listing import Ref, describe_model
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError


class ExportForm(StrEnum):
    """What a model is exported as."""

    BUNDLE = "bundle"
    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"


_GRAPHS = {ExportForm.ONNX: "model.onnx", ExportForm.ONNX_INT8: "model.int8.onnx"}
_ENDINGS = {ExportForm.BUNDLE: ".zip", ExportForm.ONNX: ".onnx", ExportForm.ONNX_INT8: ".int8.onnx"}


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
    """Download the files of a model: weights, manifest, model card, and what else there is.

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
        for name in file or [*model["files"], "manifest.json", "README.md"]:
            client.download_model(model["id"], target / Path(name).name, name)
            typer.echo(target / Path(name).name)


def export(
    ref: Ref,
    *,
    form: Annotated[
        ExportForm, typer.Option("--format", help="All of it in one zip, or one network as ONNX.")
    ] = ExportForm.BUNDLE,
    path: Annotated[
        Path | None,
        typer.Option("--to", dir_okay=False, help="The new file. Default: NAME-VERSION and an ending."),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Write a model to a file that works without this service, and that another service can import.

    Examples:

        ninefold models export flowers

        ninefold models export flowers:3 --format onnx --to flowers.onnx
    """
    with connect(url, api_key) as client:
        model = client.model(ref)
        target = path or Path(f"{model['name']}-{model['version']}{_ENDINGS[form]}")
        if form is ExportForm.BUNDLE:
            client.download_bundle(model["id"], target)
        else:
            client.download_model(model["id"], target, _GRAPHS[form])
    typer.echo(target)


def import_(
    bundle: Annotated[
        Path, typer.Argument(help="A zip that `ninefold models export` wrote.", dir_okay=False)
    ],
    *,
    name: Annotated[
        str | None, typer.Option(help="The model's name here. Default: its name in the bundle.")
    ] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Import a model that another service exported, as the next version of its name; no alias is moved.

    Examples:

        ninefold models import flowers-3.zip

        ninefold models import flowers-3.zip --name garden --json
    """
    with connect(url, api_key) as client:
        model = client.import_model(bundle, name)
    typer.echo(json.dumps(model, ensure_ascii=False) if as_json else describe_model(model))
    if not as_json:
        typer.echo(
            f"Put it into production with: ninefold models promote {model['name']}:{model['version']}",
            err=True,
        )


def delete(ref: Ref, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Delete a model; one that an alias points at is refused. The history of its aliases stays.

    Example:

        ninefold models delete flowers:2
    """
    with connect(url, api_key) as client:
        model = client.model(ref)
        client.delete_model(model["id"])
    typer.echo(f"{model['name']}:{model['version']} ({model['id']}) is deleted")
