"""The command that classifies images."""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, Url, connect
from ninefold.cli.overlays import overlay_paths, write_overlay
from ninefold.cli.predictions.options import Coverage, MinScore, TopK, Tta
from ninefold.client.address import DEFAULT_URL
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ninefold.client.transport import Json


def predict(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Image files (JPEG, PNG, WebP, GIF or BMP), folders and zips; those stand for the images in them.",
        ),
    ],
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="Name, name:version or id of a model, or the id of a job; required if there are several models."
        ),
    ] = None,
    top_k: TopK = 3,
    min_score: MinScore = None,
    tta: Tta = False,
    coverage: Coverage = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write NAME.explained.png for each image into this folder: where the network found its evidence.",
        ),
    ] = None,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Classify any number of images with a model: files, and those in folders and zips.

    Examples:

        ninefold predict cat.jpg

        ninefold predict photos/*.jpg --model flowers:2 --top-k 1

        ninefold predict photos/ more.zip

        ninefold predict cat.jpg --explain .

        ninefold predict photos/*.jpg --min-score 0.9

        ninefold predict photos/*.jpg --coverage 0.95
    """
    from ninefold.client.image_files import find_images  # noqa: PLC0415 - `ninefold --help` does without

    with ExitStack() as stack:
        images = find_images(files, stack)
        overlays = overlay_paths([Path(image.name) for image in images], explain) if explain else []
        client = stack.enter_context(connect(url, api_key))
        show = stack.enter_context(_progress_bar())
        response = client.predict(
            images,
            model,
            top_k,
            show,
            explain=explain is not None,
            min_score=min_score,
            tta=tta,
            coverage=coverage,
        )
    written = [
        path for path, one in zip(overlays, response["predictions"], strict=False) if write_overlay(path, one)
    ]
    for image, prediction in zip(images, response["predictions"], strict=True):
        typer.echo(f"{image.shown}  {describe(prediction)}")
    if explain:
        typer.echo(
            f"Wrote {written[0] if len(written) == 1 else f'{len(written)} pictures into {explain}'}.",
            err=True,
        )
    failed = [prediction for prediction in response["predictions"] if prediction["status"] != "ok"]
    if failed:
        raise NinefoldError(
            f"{len(failed)} of {len(images)} files could not be classified.", code="some_failed"
        )


@contextmanager
def _progress_bar() -> "Iterator[Callable[[int, int], None]]":
    """Provide a function that shows how many images were answered, as a bar on a terminal."""
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("classifying"), BarColumn(bar_width=24), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def describe(prediction: "Json") -> str:
    """List the classes of one image with their probabilities, or the error message."""
    if prediction["status"] != "ok":
        return f"error: {prediction['error']['message']}"
    scores = "  ".join(f"{score['label']} {score['score']:.1%}" for score in prediction["scores"])
    if (labels := prediction.get("label_set")) is not None:
        scores += f"  one of: {', '.join(labels) or 'no class'}"
    return f"unsure: {scores}" if prediction.get("abstained") else scores
