"""`python -m tests.compatibility.make_records RELEASE`: has a release write records of every kind, and keeps a copy of them.

The copy has all keys of Redis, the small objects in storage, and the answers of the API to every read.
"""

import json
import shutil
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.api.zips import zipped
from tests.chaos.cluster.process import ClusterProcess
from tests.compatibility.deployment import (
    SPEC,
    Api,
    Deployment,
    Json,
    extracted_release,
    running_deployment,
)
from tests.compatibility.records import RECORDS, dump
from tests.ninefold.processes import eventually
from worker.redis_server.connection import connect

_LARGEST_OBJECT = 100_000
"""Weights and checkpoints have megabytes."""
_LONG = {"epochs": 1000}
_HOST = "worker-host"


def make_records(name: str) -> Path:
    """Write the records of a release; returns their folder."""
    folder = RECORDS / name
    shutil.rmtree(folder, ignore_errors=True)
    with extracted_release(name) as release, running_deployment() as deployment:
        api = deployment.start_api(release)
        worker = deployment.start_worker(release)
        _add_dataset(api)
        _make_models(api)
        _fail(api, deployment)
        _make_unfinished(api, worker)
        answers = _read_all(api)
        api.process.kill()
        with connect(deployment.valkey.url) as client:
            _write(folder / "redis.json", dump(client))
        _write(folder / "answers.json", answers)
        _copy_small_objects(deployment.storage, folder / "storage")
    return folder


def _add_dataset(api: Api) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "pets.zip")
        path.write_bytes(zipped(notes=b"not an image"))
        api.add_dataset(path, "pets")


def _make_models(api: Api) -> None:
    """Train two versions; `canary` pointed at both, one after the other."""
    for version in (1, 2):
        api.wait_for_success(api.submit("digits", **SPEC, tags=["golden", f"version={version}"])["id"])
        httpx.put(f"{api.url}/models/digits/aliases/canary", json={"version": version}).raise_for_status()


def _fail(api: Api, deployment: Deployment) -> None:
    """Let a job fail: the images of its dataset are gone meanwhile."""
    [images] = deployment.storage.glob("datasets/*/images.zip")
    away = images.rename(deployment.folder / "images.zip")
    job_id = api.submit("pets", **SPEC | {"name": "pets"})["id"]
    eventually(lambda: api.job(job_id)["status"] == "failed", 60, "the job fails")
    away.rename(images)


def _make_unfinished(api: Api, worker: ClusterProcess) -> None:
    """Leave jobs in every other state; the running one belongs to a killed worker."""
    paused, running, cancelled = (api.submit("digits", **SPEC | _LONG)["id"] for _ in range(3))
    for job_id, change, status in ((paused, api.pause, "paused"), (cancelled, api.cancel, "cancelled")):
        if job_id == cancelled:
            api.pause(running)
        api.wait_for_epoch(job_id, 2)
        change(job_id)
        eventually(lambda j=job_id, s=status: api.job(j)["status"] == s, 60, f"the job is {status}")  # type: ignore[misc]
    api.resume(running)
    api.wait_for_epoch(running, 2)
    worker.kill()
    api.submit("pets", **SPEC | {"name": "pets", "gpus": 2})
    api.submit("digits", **SPEC, init_from="digits@production", tags=["golden"], promote="never")
    api.cancel(api.submit("digits", **SPEC)["id"])


def _read_all(api: Api) -> Json:
    """Return what the API answers to every read that depends on records alone."""
    paths = ["/jobs", "/models", "/models/digits:2", "/datasets", "/datasets/pets"]
    paths += [f"/models/digits/aliases/{alias}" for alias in ("canary", "production")]
    for job in api.jobs():
        paths += [f"/jobs/{job['id']}{part}" for part in ("", "/metrics", "/logs")]
    answers: Json = {}
    for path in paths:
        answer = httpx.get(api.url + path, headers={"Accept": "application/json"})
        answers[path] = answer.raise_for_status().json()
    return answers


def _copy_small_objects(storage: Path, target: Path) -> None:
    for path in sorted(storage.rglob("*")):
        if path.is_file() and path.stat().st_size <= _LARGEST_OBJECT:
            copy = target / path.relative_to(storage)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1)
    path.write_text(text.replace(socket.gethostname(), _HOST) + "\n")


if __name__ == "__main__":
    sys.stdout.write(f"{make_records(sys.argv[1])}\n")
