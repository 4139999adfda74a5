"""The command that lists the images of a dataset, and saves them in a folder."""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.datasets.image_folder import ImageFolder
from ninefold.client.address import DEFAULT_URL

if TYPE_CHECKING:
    from ninefold.client.transport import Json


def images(
    name: Annotated[str, typer.Argument(help="Name, name@version or id of the dataset.")],
    *,
    label: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="Only images of this class.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="train|test", help="Only images of this split.")
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Only images of this finding of the report, such as label_conflicts."
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="GRP", help="Only images of this group of near-duplicates.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Largest number of images. Default: all.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each one as a JSON object in a line.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Save the images in a new folder, as CLASS/ID.jpg or .png …"),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """List images of a dataset: id, class, split, width x height, group, path in the upload; save them with --out.

    Images of a finding come in its order, the most important first; others by split, class and content. The class that an
    image probably belongs to stands behind its own (cat > dog).

    Examples:

        ninefold datasets images pets --finding label_conflicts

        ninefold datasets images pets --class cat --split test --json

        ninefold datasets images pets --finding blank_images --out blank/
    """
    filters = {"class_": label, "split": split, "finding": finding, "group": group}
    with connect(url, api_key) as client:
        dataset = client.dataset(name)
        width = max([0, *map(len, dataset["classes"] or [])])
        found = client.dataset_images(dataset["id"], **filters)
        folder = None
        count = 0
        for image in islice(found, limit):
            if out:
                folder = folder or ImageFolder(out)
                path = folder.write(image, client.dataset_image(dataset["id"], image["id"], size="original"))
                image["file"] = str(path)
            typer.echo(json.dumps(image, ensure_ascii=False) if as_json else describe_image(image, width))
            count += 1
    typer.echo(f"{count:,} images" + (f" in {out}" if folder else ""), err=True)


def describe_image(image: "Json", width: int) -> str:
    """Describe an image in one line; `width` is that of the column of classes."""
    label = image["class"] + (f" > {image['suggested_class']}" if image.get("suggested_class") else "")
    group = image.get("group") or "-"
    size = f"{image['width']}x{image['height']}"
    return f"{image['id']}  {label:<{width}}  {image['split']:<5}  {size:<9}  {group:<16}  {image['path']}"
