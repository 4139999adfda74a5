"""The command that reviews uncertain answers of the model in production, and makes a dataset version of what was said."""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.listings import AsJson
from ninefold.cli.models.aliases import Name
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold import Client
    from ninefold.client.transport import Json


def review(
    name: Name,
    *,
    on: Annotated[bool, typer.Option("--on", help="Keep uncertain answers, or change the settings.")] = False,
    off: Annotated[
        bool, typer.Option("--off", help="Keep none, and delete the images and labels that are kept.")
    ] = False,
    below: Annotated[
        float | None, typer.Option(help="Keep answers with a score below it.", min=0, max=1)
    ] = None,
    fraction: Annotated[float | None, typer.Option(help="The share of these.", min=0, max=1)] = None,
    max_images: Annotated[int | None, typer.Option(help="Most images; the oldest go first.", min=1)] = None,
    max_days: Annotated[
        float | None, typer.Option(help="Delete images that are older than this number of days.", min=0)
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="IMG=CLASS", help="Say which class an image has; repeatable.")
    ] = None,
    discard: Annotated[
        list[str] | None, typer.Option(metavar="IMG", help="Throw an image away; repeatable.")
    ] = None,
    images: Annotated[int, typer.Option(help="Show this number of images that wait.", min=0)] = 0,
    save: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also save these images.")] = None,
    make: Annotated[
        bool, typer.Option("--make", help="Make the next dataset version with the labelled images.")
    ] = False,
    train: Annotated[
        bool, typer.Option("--train", help="Make it, train on it, and promote the model if it is better.")
    ] = False,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What you say of the version.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Keep uncertain answers of the model in production, say which are right, and train on what was said.

    Examples:

        ninefold models review flowers --on --below 0.7

        ninefold models review flowers --images 20 --save uncertain/

        ninefold models review flowers --label rev_01m8jynwk4dmd23p0j010nmazd=rose --train
    """
    given = {"below": below, "fraction": fraction, "max_images": max_images, "max_days": max_days}
    settings = {field: value for field, value in given.items() if value is not None}
    if (off and (on or settings)) or (settings and not on):
        raise NinefoldError("Give the settings with --on; --off takes none.", code="wrong_options")
    if (save and not images) or (note is not None and not (make or train)):
        raise NinefoldError(
            "--save needs --images N, and --note needs --make or --train.", code="wrong_options"
        )
    decisions = _decisions(label or [], discard or [])
    with connect(url, api_key) as client:
        if off:
            client.end_review(name)
        if on:
            client.set_review(name, **settings)
        for image_id, label_or_none in decisions.items():
            client.label_review_image(name, image_id, label_or_none)
        made = client.make_review_dataset(name, note=note, train=train) if make or train else None
        state = client.review(name)
        _show(made or state, as_json=as_json)
        for image in islice(client.review_images(name), images) if state["settings"] else ():
            typer.echo(json.dumps(image, ensure_ascii=False) if as_json else _describe_image(image))
            if save:
                _save(client, name, image["id"], save)


def _decisions(labels: list[str], discarded: list[str]) -> dict[str, str | None]:
    """Return the label of each image, None for one that is thrown away."""
    decisions = [*map(_split, labels), *((image_id, None) for image_id in discarded)]
    found = dict(decisions)
    if len(found) < len(decisions):
        raise NinefoldError("An image is named twice in --label and --discard.", code="wrong_options")
    return found


def _split(text: str) -> tuple[str, str]:
    image_id, equals, label = text.partition("=")
    if not (equals and label):
        raise NinefoldError(f"--label is IMG=CLASS, not {text!r}.", code="wrong_options")
    return image_id, label


def _show(answer: "Json", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    elif answer["object"] == "review_dataset":
        job = f"; {answer['job']} trains on it when it is ready" if answer["job"] else ""
        typer.echo(
            f"{answer['images']} images go into the next version of {answer['name']}: {answer['dataset']}{job}"
        )
    elif answer["settings"] is None:
        typer.echo(
            f"{answer['name']}: no answers are kept. Turn it on: ninefold models review {answer['name']} --on"
        )
    else:
        typer.echo(
            f"{answer['name']}: answers below {answer['settings']['below']:g} are kept"
            f"  {answer['waiting']} wait, {answer['labelled']} labelled, {answer['used']} used, {answer['missed']} missed"
        )


def _describe_image(image: "Json") -> str:
    return f"{image['id']}  {image['at']}  {image['label']} {image['score']:.1%}  version {image['version']}"


def _save(client: "Client", name: str, image_id: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        client.save_review_image(name, image_id, folder)
    except OSError as error:
        raise NinefoldError(f"{folder} cannot be written: {error.strerror}.", code="not_written") from error
