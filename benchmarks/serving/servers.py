"""Starts the servers that the benchmark compares: Ninefold, LitServe and BentoML, with the same network."""

import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.service.running import free_port
from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key
from model.artifact.precision import PrecisionSetting
from tests.api.serving import running_predictor
from tests.conftest import running_valkey
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.registry.models import PRODUCTION

_PEERS = ("litserve==0.2.19", "bentoml==1.4.40")
_START_S = 120


@dataclass(frozen=True)
class Server:
    """How to start one server, and how to send an image to it."""

    name: str
    running: Callable[[], AbstractContextManager[str]]
    """Yields the URL of its classification."""
    form_field: str | None = None
    """The name of the multipart field; `None` sends the image as the body."""


@dataclass(frozen=True)
class PublishedModel:
    """A model in a local storage."""

    folder: Path
    manifest: Manifest

    @property
    def weights_file(self) -> Path:
        """The weights as safetensors."""
        return self.folder / model_key(self.manifest.id, WEIGHTS_FILE)


def ninefold_servers(model: PublishedModel) -> list[Server]:
    """Return Ninefold with the engine of its choice, in float32, and with multipart bodies."""
    best, float32 = (partial(_ninefold, model, precision) for precision in PrecisionSetting)
    return [
        Server("Ninefold", best),
        Server("Ninefold, multipart", best, "file"),
        Server("Ninefold, float32", float32),
    ]


def peer_servers(model: PublishedModel, python: Path) -> list[Server]:
    """Return LitServe, waiting 5 ms for a batch and not waiting, and BentoML; `python` has them installed."""
    return [
        Server("LitServe, 5 ms", partial(_litserve, model, python, 5), "request"),
        Server("LitServe, 0 ms", partial(_litserve, model, python, 0), "request"),
        Server("BentoML", partial(_bentoml, model, python), "files"),
    ]


def install_peers(folder: Path) -> Path:
    """Install LitServe and BentoML into a virtual environment that also sees Ninefold's packages; return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *_PEERS], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        own = Path(httpx.__file__).parent.parent
        (packages / "ninefold.pth").write_text(f"{own}\n")
    return python


@contextmanager
def _ninefold(model: PublishedModel, precision: PrecisionSetting) -> Iterator[str]:
    """Run a Valkey, a predictor and an API process with this model as production."""
    manifest = model.manifest
    with ExitStack() as stack:
        redis_url = stack.enter_context(running_valkey())
        with connect(redis_url) as client:
            ModelRegistry(client).register(manifest.model_dump_json())
            ModelRegistry(client).set_alias(manifest.name, PRODUCTION, manifest.version, None)
        _, socket_path = stack.enter_context(running_predictor(model.folder.as_uri(), precision=precision))
        port = free_port()
        environment = {
            "NINEFOLD_REDIS_URL": redis_url,
            "NINEFOLD_STORAGE": model.folder.as_uri(),
            "NINEFOLD_PREDICTOR": f"unix:{socket_path}",
        }
        api = [sys.executable, "-m", "api", "--port", str(port)]
        stack.enter_context(_process(api, environment, f"http://127.0.0.1:{port}/readyz"))
        yield f"http://127.0.0.1:{port}/predict"


@contextmanager
def _litserve(model: PublishedModel, python: Path, wait_ms: int) -> Iterator[str]:
    port = free_port()
    command = [python, "-m", "benchmarks.serving.litserve_server", "--weights", model.weights_file]
    network = [
        "--classes",
        len(model.manifest.classes),
        "--image-size",
        model.manifest.preprocessing.image_size,
    ]
    serving = ["--port", port, "--wait-ms", wait_ms]
    arguments = [str(argument) for argument in (*command, *network, *serving)]
    with _process(arguments, {}, f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}/predict"


@contextmanager
def _bentoml(model: PublishedModel, python: Path) -> Iterator[str]:
    port = free_port()
    environment = {
        "BENTOML_DO_NOT_TRACK": "True",
        "WEIGHTS": str(model.weights_file),
        "CLASSES": str(len(model.manifest.classes)),
        "IMAGE_SIZE": str(model.manifest.preprocessing.image_size),
        "PYTHONPATH": str(Path.cwd()),
    }
    service = "benchmarks.serving.bentoml_server:ImageService"
    command = [str(python), "-m", "bentoml", "serve", service, "--port", str(port)]
    with _process(command, environment, f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}/predict"


@contextmanager
def _process(command: list[str], environment: dict[str, str], ready_url: str) -> Iterator[None]:
    """Run a server in a process group of its own until its readiness URL answers 200."""
    server = subprocess.Popen(
        command,
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_S
        while not _is_ready(ready_url):
            assert server.poll() is None, f"{command} ended before it was ready"
            assert time.monotonic() < deadline, f"{command} was not ready within {_START_S} s"
            time.sleep(0.2)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
