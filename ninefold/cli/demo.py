"""The command that shows all of Ninefold in a minute: start a service, train on handwritten digits, classify some."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ninefold.cli.connection import ApiKey, connect
from ninefold.cli.watch import follow
from ninefold.errors import NinefoldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from ninefold.client.client import Client
    from ninefold.client.transport import Json

DATASET = "digits"
EPOCHS = 3
"""Enough for 95 % test accuracy; about half a minute of training on two cores."""
PASS_ACCURACY = 0.95
SHOWN_IMAGES = 6


def demo(
    url: Annotated[
        str | None, typer.Option(help="Use the service at this address instead of starting one.")
    ] = None,
    api_key: ApiKey = None,
    epochs: Annotated[
        int, typer.Option(min=1, help=f"With fewer than {EPOCHS} the model is worse, and ready sooner.")
    ] = EPOCHS,
) -> None:
    """Train on handwritten digits and classify some, in about a minute; needs no network and leaves nothing behind.

    Examples:

        ninefold demo

        ninefold demo --url http://127.0.0.1:8000
    """
    from rich.console import Console  # noqa: PLC0415 - the import takes 0.1 s

    console = Console()
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ninefold-demo-") as name:
        folder = Path(name)
        with connect(url, api_key) if url else _own_service(console, folder / "data") as client:
            _train_and_classify(console, client, folder / "images", epochs)
    command = "ninefold" if shutil.which("ninefold") else sys.argv[0]
    console.print(
        f"\nDone in {time.monotonic() - began_at:.0f} s. Next, with your own images in a folder for each class:\n\n"
        f"  {command} up      # the dashboard is then at http://127.0.0.1:8000\n"
        f"  {command} datasets add path/to/images --name mine\n"
        f"  {command} submit mine --watch",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def _own_service(console: "Console", data_dir: Path) -> "Iterator[Client]":
    from ninefold.local.temporary_service import temporary_service  # noqa: PLC0415 - imports httpx and redis

    with ExitStack() as stack:
        with console.status("Starting Valkey, API, predictor and worker"):
            url = stack.enter_context(temporary_service(data_dir, os.environ, console.print))
        console.print(f"Ninefold is up at {url}", highlight=False)
        yield stack.enter_context(connect(url, None))


def _train_and_classify(console: "Console", client: "Client", image_folder: Path, epochs: int) -> None:
    job = client.submit(DATASET, epochs=epochs, tags=["demo"])
    console.print(f"Training on {DATASET}: {job['id']}", highlight=False)
    result = follow(client, job["id"])["result"]
    images = _export_test_images(image_folder)
    predictions = client.predict([file for file, _ in images], model=result["model"]["id"], top_k=1)
    console.print(_table([label for _, label in images], predictions["predictions"]))
    if epochs >= EPOCHS and result["test_accuracy"] < PASS_ACCURACY:
        raise NinefoldError(
            f"Test accuracy is {result['test_accuracy']:.1%}; {PASS_ACCURACY:.0%} was expected."
        )


def _export_test_images(folder: Path) -> list[tuple[Path, str]]:
    """Write test images as files; returns each file with its true label."""
    options = ["--dataset", DATASET, "--split", "test", "--count", str(SHOWN_IMAGES), "--out", str(folder)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "model", "export-images", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NinefoldError(f"Could not export test images: {done.stderr.strip()}")
    return [(file, file.stem.rsplit("_", 1)[0]) for file in sorted(folder.glob("*.png"))]


def _table(labels: list[str], predictions: "list[Json]") -> "Table":
    from rich.table import Table  # noqa: PLC0415 - the import takes 0.1 s

    title = f"{len(labels)} digits that the model never saw"
    table = Table("true digit", "answer", "probability", "", title=title)
    for label, prediction in zip(labels, predictions, strict=True):
        answer = prediction.get("label", "error")
        mark = "right" if answer == label else "wrong"
        table.add_row(label, answer, f"{prediction.get('score', 0):.1%}", mark)
    return table
