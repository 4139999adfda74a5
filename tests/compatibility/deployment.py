"""A deployment whose processes may be of different releases, over one Valkey and one storage."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image

from ninefold import Client
from tests.api.zips import zipped
from tests.chaos.cluster.process import ClusterProcess
from tests.chaos.cluster.valkey import DurableValkey
from tests.compatibility.make_release import RELEASES, ROOT
from tests.ninefold.processes import eventually
from tests.ports import free_port
from tests.worker.processes import children_of

START_S = 60.0
JOB_S = 400.0
SPEC = {"recipe": "classic", "batch_size": 32, "image_size": 16, "epochs": 1, "name": "digits"}
"""The recipe with the fastest steps for few images."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """The packages of one release, in a folder from which its processes run."""

    name: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that make Python import the packages of this release."""
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def check_imports(self) -> None:
        """Fail unless a process of this release imports this release, and not the one that is installed."""
        show = (
            "import api, worker, model, ninefold as n; print(*(m.__file__ for m in (api, worker, model, n)))"
        )
        shown = subprocess.check_output(
            [sys.executable, "-c", show], cwd=self.folder, env=self.environment(), text=True
        )
        assert {str(Path(file).parents[1]) for file in shown.split()} == {str(self.folder)}


THIS_RELEASE = Release("new", ROOT)


@contextmanager
def extracted_release(name: str) -> Iterator[Release]:
    """Yield an earlier release, extracted from its archive."""
    with TemporaryDirectory(prefix="nf-release-", ignore_cleanup_errors=True) as folder:
        with tarfile.open(RELEASES / f"{name}.tar.xz") as tar:
            tar.extractall(folder, filter="data")
        release = Release("old", Path(folder).resolve())
        release.check_imports()
        yield release


class Api(Client):
    """A client of one API, and the process of this API."""

    def __init__(self, process: ClusterProcess, url: str) -> None:
        super().__init__(url)
        self.process = process

    def is_ready(self, component: str) -> bool:
        """Whether the API answers, and this component works."""
        with suppress(httpx.TransportError):
            return bool(httpx.get(f"{self.url}/readyz", timeout=5).json()[component] == "ok")
        return False

    def wait_for_success(self, job_id: str) -> Json:
        """Wait until a job has succeeded; returns the job."""
        eventually(lambda: self.job(job_id)["finished_at"], JOB_S, f"{job_id} ends")
        job = self.job(job_id)
        assert job["status"] == "succeeded", job
        return job

    def wait_for_epoch(self, job_id: str, epoch: int) -> None:
        """Wait until a job has completed an epoch."""
        eventually(lambda: (self.job(job_id)["metrics"] or {"epoch": 0})["epoch"] >= epoch, JOB_S, "an epoch")


class Deployment:
    """One Valkey, one storage, and any number of APIs and workers of any release."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.storage = folder / "storage"
        self._stack = stack
        self._started = 0
        self.valkey = DurableValkey(folder, free_port())
        stack.callback(self.valkey.close)
        self.valkey.start()

    def start_api(self, release: Release, *, predicts: bool = False) -> Api:
        """Start an API, with a predictor if the API shall classify images."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        runtime = self._stack.enter_context(TemporaryDirectory(prefix="nf-", ignore_cleanup_errors=True))
        settings = {"NINEFOLD_PORT": str(port), "NINEFOLD_RUNTIME_DIR": runtime}
        if not predicts:
            settings["NINEFOLD_PREDICTOR"] = f"unix:{runtime}/none.sock"
        process = self._start(release, "api", settings)
        api = self._stack.enter_context(Api(process, url))
        eventually(lambda: api.is_ready("redis"), START_S, f"the {process.name} answers")
        if predicts:
            eventually(lambda: api.is_ready("predictor"), START_S, f"the predictor of the {process.name}")
        return api

    def start_worker(self, release: Release) -> ClusterProcess:
        """Start a worker and wait until its warm standby runs, which must be of the same release."""
        process = self._start(release, "worker", {})
        eventually(lambda: children_of(process.pid, "--parent"), START_S, f"the {process.name} is idle")
        for pid in (process.pid, *children_of(process.pid, "--parent")):
            assert Path(f"/proc/{pid}/cwd").readlink() == release.folder
        return process

    def start_importer(self, release: Release) -> ClusterProcess:
        """Start a worker of the lane `light`, which imports datasets."""
        return self._start(release, "worker", {"NINEFOLD_LANES": "light"})

    def upload(self, api: Api, name: str, images_a_class: int = 6) -> Json:
        """Upload a dataset of tiny pictures, and return what this release of the API answers at once."""
        answer = httpx.post(
            f"{api.url}/datasets", params={"name": name}, content=zipped(images_a_class), timeout=60
        )
        assert answer.is_success, answer.text
        dataset: Json = answer.json()
        return dataset

    def picture(self) -> Path:
        """Return a picture to classify."""
        path = self.folder / "picture.png"
        Image.new("RGB", (16, 16), "white").save(path)
        return path

    def _start(self, release: Release, module: str, settings: dict[str, str]) -> ClusterProcess:
        self._started += 1
        process = ClusterProcess(
            f"{release.name}-{module}-{self._started}",
            [sys.executable, "-m", module],
            {**release.environment(), **self._settings(), **settings},
            self.folder / f"{release.name}-{module}-{self._started}.log",
            release.folder,
        )
        self._stack.callback(process.close)
        process.start()
        return process

    def _settings(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.valkey.url,
            "NINEFOLD_STORAGE": self.storage.as_uri(),
            "NINEFOLD_CACHE_DIR": str(self.folder / "cache"),
            "NINEFOLD_THREADS": "1",
            "NINEFOLD_DEVICES": "cpu",
        }


@contextmanager
def running_deployment() -> Iterator[Deployment]:
    """Yield a deployment without API and worker; afterwards end all its processes."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="nf-versions-", ignore_cleanup_errors=True))
        yield Deployment(Path(folder), stack)


def stored_events(api: Api, job_id: str) -> list[tuple[str | None, str, str]]:
    """Return the events of a job to its end: ids, kinds and data. A later stream may lack the reports of progress."""
    events = [event for event in api.events(job_id) if event.kind not in ("snapshot", "progress")]
    return [(event.id, event.kind, json.dumps(event.data, sort_keys=True)) for event in events]
