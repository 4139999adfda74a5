"""The first minute with Ninefold: start it, train on handwritten digits, classify some that it never saw."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ninefold.cli.jobs import follow
from ninefold.client.client import Client
from ninefold.client.transport import Json
from ninefold.errors import NinefoldError
from ninefold.local.stack import Stack, StackOptions
from ninefold.local.up import SIGNALS, wait_until_ready

DATASET = "digits"
EPOCHS = 3
"""Enough for 95 % and about half a minute of training on two cores."""
PASS_ACCURACY = 0.95
SHOWN = 6


def run_demo(url: str | None, api_key: str | None, environment: Mapping[str, str]) -> None:
    """Train and classify, on the service at `url` or on one of its own that leaves nothing behind."""
    console = Console()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ninefold-demo-") as folder:
        if url:
            with Client(url, api_key) as client:
                _train_and_classify(console, client, Path(folder))
        else:
            with _own_service(console, Path(folder), environment) as client:
                _train_and_classify(console, client, Path(folder))
    command = "ninefold" if shutil.which("ninefold") else sys.argv[0]
    console.print(
        f"\nDone in {time.monotonic() - begun:.0f} s. Next, with your own images in a folder for each class:\n\n"
        f"  {command} up      # the dashboard is then at http://127.0.0.1:8000\n"
        f"  {command} datasets add path/to/images --name mine\n"
        f"  {command} submit mine --watch",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def _own_service(console: Console, folder: Path, environment: Mapping[str, str]) -> Iterator[Client]:
    # Settings of the user's real service, its keys and its storage, are not for a demo.
    clean = {name: value for name, value in environment.items() if not name.startswith("NINEFOLD_")}
    clean.pop("REDIS_URL", None)
    stack = Stack(StackOptions(data_dir=folder / "data", port=0), clean, console.print)
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    stack.start()
    try:
        with console.status("Starting Valkey, API, predictor and worker"):
            is_ready = wait_until_ready(stack)
        if not is_ready:
            stack.join()
            raise stack.error or NinefoldError("The service ended before it was ready.")
        console.print(f"Ninefold is up at {stack.url}", highlight=False)
        with Client(stack.url) as client:
            yield client
    except BaseException:
        stack.stop()  # the second stop, below, then kills: a demo's job is not worth a checkpoint
        raise
    finally:
        _stop(stack)


def _stop(stack: Stack) -> None:
    stack.stop()
    for number in SIGNALS:  # an impatient user ends it at once, and it still cleans up
        signal.signal(number, lambda *_: stack.stop())
    stack.join()


def _train_and_classify(console: Console, client: Client, folder: Path) -> None:
    job = client.submit(DATASET, epochs=EPOCHS, tags=["demo"])
    console.print(f"Training on {DATASET}: {job['id']}", highlight=False)
    result = follow(client, job["id"])["result"]
    files = _held_out_images(folder / "images")
    answers = client.predict([file for file, _ in files], model=result["model"]["id"], top_k=1)["predictions"]
    console.print(_table([label for _, label in files], answers))
    if result["test_accuracy"] < PASS_ACCURACY:
        raise NinefoldError(
            f"Test accuracy is {result['test_accuracy']:.1%}; {PASS_ACCURACY:.0%} was expected."
        )


def _held_out_images(folder: Path) -> list[tuple[Path, str]]:
    """Test images as files, each with its true label."""
    command = [
        "export-images",
        "--dataset",
        DATASET,
        "--split",
        "test",
        "--count",
        str(SHOWN),
        "--out",
        str(folder),
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "model", *command], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise NinefoldError(f"No test images: {done.stderr.strip()}")
    return [(file, file.stem.rsplit("_", 1)[0]) for file in sorted(folder.glob("*.png"))]


def _table(labels: list[str], answers: list[Json]) -> Table:
    table = Table("true digit", "answer", "probability", "", title=f"{len(labels)} digits it never saw")
    for label, answer in zip(labels, answers, strict=True):
        guess = answer.get("label", "error")
        table.add_row(label, guess, f"{answer.get('score', 0):.1%}", "right" if guess == label else "wrong")
    return table
