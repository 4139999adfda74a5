"""The command that classifies images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from ninefold.client.transport import Json


def predict(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Images: JPEG, PNG, WebP, GIF or BMP.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Name, name:version or id; needed when there are several.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="How many classes to show for each image.", min=1)] = 3,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Classify images.

    Examples:

        ninefold predict cat.jpg

        ninefold predict photos/*.jpg --model flowers:2 --top-k 1
    """
    with connect(url, api_key) as client:
        prediction = client.predict(files, model=model, top_k=top_k)
    for file, item in zip(files, prediction["predictions"], strict=True):
        typer.echo(f"{file}  {answer(item)}")
    failed = [item for item in prediction["predictions"] if item["status"] != "ok"]
    if failed:
        raise NinefoldError(
            f"{len(failed)} of {len(files)} files could not be classified.", code="some_failed"
        )


def answer(item: "Json") -> str:
    """One image's classes with their probabilities, or why there are none."""
    if item["status"] != "ok":
        return f"error: {item['error']['message']}"
    return "  ".join(f"{score['label']} {score['score']:.1%}" for score in item["scores"])
