"""Commands that show models: all of them, or one."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson, Limit, print_table
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

Ref = Annotated[
    str,
    typer.Argument(metavar="REF", help="name (in production), name:3, name:latest, name@alias, or mdl_…."),
]


def list_models(
    name: Annotated[str | None, typer.Option(help="Only versions of this name.")] = None,
    limit: Limit = 20,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List the models, newest first: name and version, id, test accuracy, classes, and the aliases that point at it.

    Examples:

        ninefold models list

        ninefold models list --name flowers --json
    """
    with connect(url, api_key) as client:
        found = client.models(**({"name": name} if name else {}))
        print_table(islice(found, limit), model_cells, as_json=as_json)


def get(ref: Ref, *, as_json: AsJson = False, url: Url = DEFAULT_URL, api_key: ApiKey = None) -> None:
    """Show one model: scores, classes, what it was trained on, and its files.

    Examples:

        ninefold models get flowers

        ninefold models get flowers:3 --json
    """
    with connect(url, api_key) as client:
        model = client.model(ref)
    typer.echo(json.dumps(model, ensure_ascii=False) if as_json else "\n".join(_details(model)))


def describe_model(model: "Json") -> str:
    """Return one line about a model."""
    return "  ".join(model_cells(model)).rstrip()


def model_cells(model: "Json") -> list[str]:
    """Return what a list says of a model."""
    aliases = "  ".join(f"@{alias}" for alias in model["aliases"])
    accuracy = f"test accuracy {model['metrics']['test_accuracy']:.1%}"
    name = f"{model['name']}:{model['version']}"
    return [name, model["id"], accuracy, f"{len(model['classes'])} classes", aliases]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} KB"


def _details(model: "Json") -> list[str]:
    low, high = model["metrics"]["ci95"]
    spec, epochs = model["spec"], model["metrics"]["epochs"]
    files = ", ".join(f"{name} ({_size(one['size_bytes'])})" for name, one in model["files"].items())
    return [
        describe_model(model),
        f"95 % interval  {low:.1%} to {high:.1%}",
        f"classes        {', '.join(model['classes'])}",
        f"dataset        {model['dataset']['name']}  {model['dataset']['id']}",
        f"training       {spec['recipe']}, {epochs} epoch{'s' if epochs != 1 else ''}, {spec['image_size']} px, seed {spec['seed']}",
        f"made           {model['created_at'][:16].replace('T', ' ')} UTC by {model['created_by'] or 'anybody'}, {model['job_id'] or 'no job'}",
        f"files          {files}",
    ]
