"""Measures POST /predict requests per second at concurrency 1, 8 and 32, compared with the same network called in-process.

python -m benchmarks.service.predict [--seconds 10] [--image-size 32]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np

from api.settings import ApiSettings
from model.artifact.manifest import Manifest
from model.artifact.onnx_classifier import OnnxClassifier
from model.host.cpus import cpu_quota
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.pictures import encoded, picture
from tests.api.published import publish_model
from tests.api.serving import running_predictor
from tests.conftest import running_valkey
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.registry.models import PRODUCTION

CLASSES = 10
BATCH = 32


def main() -> None:
    """Print the in-process limit, then one line for each concurrency."""
    options = _options()
    with ExitStack() as stack:
        storage_url = Path(stack.enter_context(tempfile.TemporaryDirectory())).as_uri()
        storage = open_storage(storage_url)
        manifest = publish_model(storage, classes=CLASSES, image_size=options.image_size)
        limit_per_s = in_process_images_per_s(storage, manifest, options.seconds)
        print(f"in-process, batches of {BATCH}: {limit_per_s:7.1f} images/s")
        url = stack.enter_context(_serving(storage_url, manifest))
        image = encoded(picture(size=(options.image_size, options.image_size)))
        for concurrency in (1, 8, 32):
            rate_per_s, latencies_ms = measure(url, image, concurrency, options.seconds)
            p50, p99 = (float(np.percentile(latencies_ms, p)) for p in (50, 99))
            print(
                f"/predict at concurrency {concurrency:2}:    {rate_per_s:7.1f} requests/s ({rate_per_s / limit_per_s:.2f} of the limit), "
                f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"
            )


def in_process_images_per_s(storage: Storage, manifest: Manifest, seconds: float) -> float:
    """Return the rate of the fused network alone, without HTTP and decoding; the median of five rounds."""
    classifier = OnnxClassifier.load(storage, manifest, cpu_quota())
    size = manifest.preprocessing.image_size
    batch_NHWC = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    return statistics.median(_batches_per_s(classifier, batch_NHWC, seconds / 5) * BATCH for _ in range(5))


def _batches_per_s(classifier: OnnxClassifier, batch_NHWC: np.ndarray, seconds: float) -> float:  # noqa: N803  # the shape is the point
    started, batches = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        classifier.classify(batch_NHWC)
        batches += 1
    return batches / (time.monotonic() - started)


def measure(url: str, image: bytes, concurrency: int, seconds: float) -> tuple[float, list[float]]:
    """Return requests per second and each latency in milliseconds; raises on an error status."""
    with ThreadPoolExecutor(concurrency) as pool:
        started = time.monotonic()
        senders = [pool.submit(_post_until, url, image, started + seconds) for _ in range(concurrency)]
        latencies_ms = [latency for sender in senders for latency in sender.result()]
    return len(latencies_ms) / (time.monotonic() - started), latencies_ms


def _post_until(url: str, image: bytes, deadline: float) -> list[float]:
    latencies_ms: list[float] = []
    with httpx.Client(base_url=url, headers={"Content-Type": "image/png"}, timeout=60) as client:
        while (started := time.monotonic()) < deadline or not latencies_ms:
            client.post("/predict", content=image).raise_for_status()
            latencies_ms.append(1000 * (time.monotonic() - started))
    return latencies_ms


@contextmanager
def _serving(storage_url: str, manifest: Manifest) -> Iterator[str]:
    """Run a Valkey, a predictor and an API process with this model as production; yield the URL of the API."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(running_valkey())
        with connect(redis_url) as client:
            ModelRegistry(client).register(manifest.model_dump_json())
            ModelRegistry(client).set_alias(manifest.name, PRODUCTION, manifest.version, None)
        _, socket_path = stack.enter_context(running_predictor(storage_url))
        settings = ApiSettings(redis_url=redis_url, storage=storage_url, predictor=f"unix:{socket_path}")
        yield stack.enter_context(_api_process(settings))


@contextmanager
def _api_process(settings: ApiSettings) -> Iterator[str]:
    """Run `python -m api` on a free port in its own process; yield its URL."""
    environment = {
        "NINEFOLD_REDIS_URL": settings.redis_url,
        "NINEFOLD_STORAGE": settings.storage,
        "NINEFOLD_PREDICTOR": settings.predictor,
    }
    command = [sys.executable, "-m", "api", "--port", "0"]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True) as api:
        assert api.stderr is not None
        try:
            url = next(line.split()[-1] for line in api.stderr if " serving http://" in line)
            yield url
        finally:
            api.terminate()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=10, help="duration of each measurement")
    parser.add_argument("--image-size", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
