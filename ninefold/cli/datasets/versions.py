"""Commands about versions of a dataset: correct one, download one."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.datasets.descriptions import (
    describe,
    describe_not_sent,
    describe_skipped,
    describe_warnings,
)
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.transport import Json


def correct(
    name: Annotated[str, typer.Argument(help="Name, name@version or id of the dataset.")],
    *,
    relabel: Annotated[
        list[str] | None, typer.Option(metavar="IMG=CLASS", help="Give an image another class; repeatable.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="IMG", help="Leave an image out; repeatable.")
    ] = None,
    keep_one: Annotated[
        list[str] | None,
        typer.Option(metavar="GRP", help="Keep one image of a group of near-duplicates; repeatable."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A .csv with the columns image and class (empty: remove), or a .json with relabel, remove, keep_one.",
        ),
    ] = None,
    add: Annotated[
        Path | None, typer.Option(metavar="FOLDER", exists=True, help="Add the images of a folder or zip.")
    ] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="What you say of the version.")] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Make the next version of a dataset. The version before stays: name@1 goes on naming the first one.

    Examples:

        ninefold datasets correct pets --relabel img_0f6e2c1b9a8d7c6b5a493827=dog --note "a mistake"

        ninefold datasets correct pets --from corrections.csv --add more-pets/
    """
    given = _read(source) if source else {}
    labels = {one["image"]: one["class"] for one in given.get("relabel", [])}
    labels.update(map(_split, relabel or []))
    removed = [*given.get("remove", []), *(remove or [])]
    groups = [*given.get("keep_one", []), *(keep_one or [])]
    if not (labels or removed or groups or add):
        raise NinefoldError(
            "Nothing to change: give --relabel, --remove, --keep-one, --from or --add.",
            code="nothing_to_change",
        )
    with connect(url, api_key) as client:
        dataset = client.create_dataset_version(
            name,
            relabel=labels,
            remove=removed,
            keep_one=groups,
            add=add,
            note=note,
            on_not_sent=_tell_not_sent,
        )
    typer.echo(describe(dataset))
    for line in [*describe_skipped(dataset), *describe_warnings(dataset)]:
        typer.echo(line, err=True)


def download(
    name: Annotated[str, typer.Argument(help="Name, name@version or id of the dataset.")],
    path: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The new file.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Download a dataset as a zip: train/ and test/ with a folder for each class, and a Croissant description.

    Example:

        ninefold datasets download pets@1 pets.zip
    """
    with connect(url, api_key) as client:
        client.download_dataset(name, path)
    typer.echo(f"{path}  {path.stat().st_size:,} bytes")


def _tell_not_sent(files: list[str]) -> None:
    for line in describe_not_sent(files):
        typer.echo(line, err=True)


def _split(text: str) -> tuple[str, str]:
    image, equals, label = text.partition("=")
    if not equals or not label:
        raise NinefoldError(f"{text!r} names no class: write --relabel IMAGE=CLASS.", code="invalid_relabel")
    return image, label


def _read(source: Path) -> "Json":
    """Read corrections from a file."""
    try:
        if source.suffix.lower() == ".json":
            corrections = json.loads(source.read_text("utf-8-sig"))
            if isinstance(corrections, dict):
                return corrections
            raise NinefoldError(
                f"{source}: expected an object with relabel, remove or keep_one.", code="invalid_file"
            )
        with source.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"image", "class"} <= set(rows.fieldnames or ()):
                raise NinefoldError(
                    f"{source}: the first line must name the columns image and class.", code="invalid_file"
                )
            pairs = [(row["image"] or "", (row["class"] or "").strip()) for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise NinefoldError(f"{source} cannot be read: {error}.", code="invalid_file") from error
    return {
        "relabel": [{"image": image, "class": label} for image, label in pairs if label],
        "remove": [image for image, label in pairs if not label],
    }
