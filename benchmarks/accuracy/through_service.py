"""What a dataset's model scores, through the whole service: `python -m benchmarks.accuracy.through_service ZIP [--epochs 6]`.

Starts a service of its own, uploads the zip (a folder for each class), trains on it, prints a line an epoch and the
test scores, classifies one of the zip's images over HTTP, and stops the service. With `--data-dir` a run that was
interrupted goes on where it was when it is started again; `--log` keeps what it showed as JSON.
"""

import argparse
import json
import platform
import sys
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.accuracy.runs import VERSIONS, image_pflop
from benchmarks.service.running import running_service
from model.host.cpus import cpu_quota
from model.spec import ResolvedSpec
from ninefold import Client
from ninefold.client.events import Event


def train(client: Client, archive: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """The finished job: the one that the service has already, or else a new one."""
    job = next(client.jobs(), None) or client.submit(client.add_dataset(archive, "benchmark")["id"], **spec)
    for event in client.events(job["id"]):
        print_row(event)
    return client.job(job["id"])


def print_row(event: Event) -> None:
    """One line an epoch."""
    if event.kind == "epoch":
        row = event.data
        validated = "" if row["val_accuracy"] is None else f"val accuracy {row['val_accuracy']:.4f}  "
        print(
            f"epoch {row['epoch']:>3}  train loss {row['train_loss']:.3f}  {validated}{row['images_per_s']:.0f} images/s",
            flush=True,
        )


def classify_one(client: Client, archive: Path, model: str, folder: Path) -> str:
    """The answer to the zip's first image."""
    with zipfile.ZipFile(archive) as images:
        name = next(name for name in images.namelist() if name.endswith((".png", ".jpg", ".jpeg")))
        path = Path(images.extract(name, folder))
    [answer] = client.predict([path], model=model)["predictions"]
    return f"{name}: {answer['label']} {answer['score']:.1%}"


def seconds_of(job: dict[str, Any]) -> float:
    """From when a worker took the job to its end."""
    begun, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (ended - begun).total_seconds()


def log_of(archive: Path, job: dict[str, Any], pflop: float, client: Client) -> dict[str, Any]:
    """What a reader needs to judge the run and to make it again."""
    model = client.model(job["result"]["model"]["id"])
    return {
        "archive": archive.name,
        "content_hash": model["dataset"]["content_hash"],
        "spec": job["spec"],
        "pflop": round(pflop, 4),
        "seconds": round(seconds_of(job)),
        "attempts": len(job["attempts"]),
        "metrics": model["metrics"],
        "machine": {"processor": platform.machine(), "threads": cpu_quota()},
        "versions": VERSIONS,
        "epochs": client.metrics(job["id"]),
    }


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.through_service", description=__doc__
    )
    parser.add_argument("archive", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--recipe")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--validation-fraction", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--log", type=Path)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    archive, log = given.pop("archive"), given.pop("log", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(given.pop("data_dir", Path(folder) / "data")) as (client, _, _),
    ):
        job = train(client, archive, given)
        if job["status"] != "succeeded":
            sys.exit(f"the job {job['status']}: {job['error']}")
        result, spec = job["result"], job["spec"]
        images = sum(client.dataset(spec["dataset"])["train_counts"])
        pflop = image_pflop(ResolvedSpec.model_validate(spec), images, job["progress"]["epoch"])
        low, high = result["ci95"]
        print(
            f"{archive.name}: {spec['recipe']}, {spec['epochs']} epochs, {spec['image_size']} px, seed {spec['seed']}"
        )
        print(
            f"test accuracy {result['test_accuracy']:.4f} ({low:.4f} to {high:.4f}), "
            f"flip TTA {result['test_accuracy_tta']:.4f}, {pflop:.3f} PFLOP, {seconds_of(job):.0f} s"
        )
        if log:
            log.write_text(json.dumps(log_of(archive, job, pflop, client), indent=1) + "\n")
        print(classify_one(client, archive, result["model"]["id"], Path(folder)))


if __name__ == "__main__":
    main()
