"""The command that compares models."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.compare import setting_lines
from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson
from ninefold.cli.models.aliases import describe_gate
from ninefold.cli.models.listing import Ref
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json

_CLASSES = 10


def compare(
    ref: Ref,
    others: Annotated[
        list[str], typer.Argument(metavar="REF…", help="One model or several to compare it with.")
    ],
    images: Annotated[
        int, typer.Option(help="Show this number of images on which the first two disagree.", min=0)
    ] = 0,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Compare a model with others on test images that neither was trained on, and list the settings that differ.

    Examples:

        ninefold models compare flowers:4 flowers:3

        ninefold models compare flowers:4 flowers:3 flowers:2 --images 20 --json
    """
    with connect(url, api_key) as client:
        found = client.compare_models(ref, *others)
        disputed = list(islice(client.compared_images(ref, others[0]), images)) if images else []
    if as_json:
        for one in (found, *disputed):
            typer.echo(json.dumps(one, ensure_ascii=False))
        return
    for line in [*_head(found), *(line for pair in found["pairs"] for line in _pair(pair))]:
        typer.echo(line)
    for image in disputed:
        answers = f"{image['candidate']['predicted']} against {image['current']['predicted']}"
        typer.echo(f"{image['image']}  is {image['label']}  {answers}")


def _head(found: "Json") -> list[str]:
    lines = []
    for model in found["models"]:
        low, high = model["metrics"]["ci95"]
        accuracy = f"{model['metrics']['test_accuracy']:.1%} ({low:.1%} to {high:.1%})"
        lines.append(
            f"{model['name']}:{model['version']}  {model['id']}  {model['dataset']['name']}  test accuracy {accuracy}"
        )
    return [*lines, *setting_lines(found)]


def _pair(pair: "Json") -> list[str]:
    lines = ["", pair["detail"]]
    lines += [f"  {describe_gate(metric)}" for metric in pair["metrics"] if metric["images"]]
    if pair["disagreements"]:
        lines.append(f"  different predictions for {pair['disagreements']} images")
    for one in pair["classes"][:_CLASSES]:
        if one["difference"]:
            recalls = f"{one['candidate']:.1%} against {one['current']:.1%} of {one['images']}"
            lines.append(f"  {one['name']}: {recalls} right, {100 * one['difference']:+.1f} points")
    return lines
