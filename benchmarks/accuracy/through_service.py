"""Measures the test accuracy of a dataset's model, trained and queried through the whole service.

    python -m benchmarks.accuracy.through_service ZIP [--epochs 6]

Starts `ninefold up`, uploads the zip (one folder for each class), submits a job, prints each epoch and the test scores,
classifies one image of the zip over HTTP, and stops the service. With `--data-dir` an interrupted run continues when the
command is started again. `--log` writes the results, settings and versions as JSON.
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
    """Submit a job, or continue the one that the service has; return the job when it has finished."""
    job = next(client.jobs(), None) or client.submit(client.add_dataset(archive, "benchmark")["id"], **spec)
    for event in client.events(job["id"]):
        print_row(event)
    return client.job(job["id"])


def print_row(event: Event) -> None:
    """Print one line for each `epoch` event."""
    if event.kind == "epoch":
        row = event.data
        validated = "" if row["val_accuracy"] is None else f"val accuracy {row['val_accuracy']:.4f}  "
        print(
            f"epoch {row['epoch']:>3}  train loss {row['train_loss']:.3f}  {validated}{row['images_per_s']:.0f} images/s",
            flush=True,
        )


def classify_one(client: Client, archive: Path, model: str, folder: Path) -> str:
    """Classify the zip's first image; return the answer as text."""
    with zipfile.ZipFile(archive) as images:
        name = next(name for name in images.namelist() if name.endswith((".png", ".jpg", ".jpeg")))
        path = Path(images.extract(name, folder))
    [answer] = client.predict([path], model=model)["predictions"]
    return f"{name}: {answer['label']} {answer['score']:.1%}"


def duration_s(job: dict[str, Any]) -> float:
    """Return the seconds from the first claim by a worker to the end of the job."""
    started, finished = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (finished - started).total_seconds()


def log_of(archive: Path, job: dict[str, Any], pflop: float, client: Client) -> dict[str, Any]:
    """Return the results together with everything needed to repeat the run."""
    model = client.model(job["result"]["model"]["id"])
    return {
        "archive": archive.name,
        "content_hash": model["dataset"]["content_hash"],
        "spec": job["spec"],
        "pflop": round(pflop, 4),
        "seconds": round(duration_s(job)),
        "attempts": len(job["attempts"]),
        "metrics": model["metrics"],
        "machine": {"processor": platform.machine(), "threads": cpu_quota()},
        "versions": VERSIONS,
        "epochs": client.metrics(job["id"]),
    }


def main() -> None:
    """Train, print the scores, and write the log if requested."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.through_service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
            f"flip TTA {result['test_accuracy_tta']:.4f}, {pflop:.3f} PFLOP, {duration_s(job):.0f} s"
        )
        if log:
            log.write_text(json.dumps(log_of(archive, job, pflop, client), indent=1) + "\n")
        print(classify_one(client, archive, result["model"]["id"], Path(folder)))


if __name__ == "__main__":
    main()
