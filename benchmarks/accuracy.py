"""What a dataset's model scores, through the whole service: `python -m benchmarks.accuracy ZIP [--epochs 6]`.

Starts a service of its own, uploads the zip (a folder for each class), trains on it, prints a line an epoch and the
test scores, classifies one of the zip's images over HTTP, and stops the service.
"""

import argparse
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.service import running_service
from model.flops import training_flop
from ninefold import Client
from ninefold.sse import Event


def train(client: Client, archive: Path, spec: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """The finished job, and the seconds from POST to its end."""
    dataset = client.add_dataset(archive, "benchmark")
    begun = time.monotonic()
    job_id = client.submit(dataset["id"], **spec)["id"]
    for event in client.events(job_id):
        print_row(event)
    return client.job(job_id), time.monotonic() - begun


def print_row(event: Event) -> None:
    """One line an epoch."""
    if event.kind == "epoch":
        row = event.data
        print(
            f"epoch {row['epoch']:>3}  train loss {row['train_loss']:.3f}  val accuracy {row['val_accuracy']:.4f}"
            f"  {row['images_per_s']:.0f} images/s",
            flush=True,
        )


def classify_one(client: Client, archive: Path, model: str, folder: Path) -> str:
    """The answer to the zip's first image."""
    with zipfile.ZipFile(archive) as images:
        name = next(name for name in images.namelist() if name.endswith((".png", ".jpg", ".jpeg")))
        path = Path(images.extract(name, folder))
    [answer] = client.predict([path], model=model)["predictions"]
    return f"{name}: {answer['label']} {answer['score']:.1%}"


def image_pflop(job: dict[str, Any], images: int) -> float:
    """Floating-point operations that training spent on images, in 10¹⁵."""
    seen = images * (1 - job["spec"]["validation_fraction"]) * job["progress"]["epoch"]
    return float(seen * training_flop(job["spec"]["image_size"]) / 1e15)


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--recipe")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    archive: Path = given.pop("archive")
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder) / "data") as (client, _, _):
        job, seconds = train(client, archive, given)
        if job["status"] != "succeeded":
            sys.exit(f"the job {job['status']}: {job['error']}")
        result, spec = job["result"], job["spec"]
        images = sum(client.dataset(spec["dataset"])["train_counts"])
        low, high = result["ci95"]
        print(
            f"{archive.name}: {spec['recipe']}, {spec['epochs']} epochs, {spec['image_size']} px, seed {spec['seed']}"
        )
        print(
            f"test accuracy {result['test_accuracy']:.4f} ({low:.4f} to {high:.4f}), "
            f"flip TTA {result['test_accuracy_tta']:.4f}, {image_pflop(job, images):.3f} PFLOP, {seconds:.0f} s"
        )
        print(classify_one(client, archive, result["model"]["id"], Path(folder)))


if __name__ == "__main__":
    main()
