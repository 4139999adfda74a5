"""Runs a real predictor process and a real API over real HTTP, for tests."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.predictor.supervision import PredictorOptions, PredictorProcess, SupervisionTimes
from api.settings import ApiSettings
from model.artifact.manifest import Manifest
from model.artifact.precision import PrecisionSetting
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.conftest import running_valkey
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.registry.models import PRODUCTION

READY_WITHIN_S = 60  # a busy machine needs this long to import torch


def api_settings(redis_url: str, folder: Path) -> ApiSettings:
    """Return the settings of an API that keeps its files in a folder and has no predictor."""
    return ApiSettings(
        redis_url=redis_url,
        storage=(folder / "storage").as_uri(),
        cache_dir=folder / "cache",
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # no predictor listens there
    )


@contextmanager
def running_predictor(
    storage_url: str,
    *,
    times: SupervisionTimes | None = None,
    cache_bytes: int = 1 << 30,
    precision: PrecisionSetting = PrecisionSetting.AUTO,
) -> Iterator[tuple[PredictorProcess, Path]]:
    """Run a supervised predictor; yields the predictor, which is ready, and the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        socket_path = Path(folder, "predictor.sock")
        options = PredictorOptions(socket_path, storage_url, cache_bytes, "cpu", precision)
        predictor = PredictorProcess(options, times)
        predictor.start()
        try:
            assert predictor.wait_ready(READY_WITHIN_S)
            yield predictor, socket_path
        finally:
            predictor.stop()


@contextmanager
def running_server(config: uvicorn.Config) -> Iterator[tuple[uvicorn.Server, int]]:
    """Run uvicorn in a thread; yields it and its port."""
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield server, listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def running_api(settings: ApiSettings, app: FastAPI | None = None) -> Iterator[str]:
    """Serve the API; yields its URL."""
    config = uvicorn.Config(app or create_app(settings), log_level="warning")
    with running_server(config) as (_, port):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Service:
    """A running API and predictor with their Redis and storage."""

    client: httpx.Client
    predictor: PredictorProcess
    storage_url: str
    redis_url: str

    def publish(
        self,
        name: str,
        *,
        version: int = 1,
        alias: str | None = PRODUCTION,
        make: Callable[..., Manifest] = publish_model,
        **options: Any,
    ) -> Manifest:
        """Publish and register a model with random weights; `make` stores it, with these options."""
        manifest = make(open_storage(self.storage_url), name=name, version=version, **options)
        with connect(self.redis_url) as client:
            registry = ModelRegistry(client)
            registry.register(manifest.model_dump_json())
            if alias is not None:
                registry.set_alias(name, alias, version, None)
        return manifest


@contextmanager
def running_service(*, cache_bytes: int = 1 << 30, **more_settings: Any) -> Iterator[Service]:
    """Run a new service without models, whose predictor keeps so many bytes of them in memory."""
    with ExitStack() as stack:
        storage_url = Path(stack.enter_context(tempfile.TemporaryDirectory())).as_uri()
        redis_url = stack.enter_context(running_valkey())
        predictor, socket_path = stack.enter_context(running_predictor(storage_url, cache_bytes=cache_bytes))
        settings = ApiSettings(
            redis_url=redis_url, storage=storage_url, predictor=f"unix:{socket_path}", **more_settings
        )
        url = stack.enter_context(running_api(settings))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        yield Service(client, predictor, storage_url, redis_url)
