"""Compares `POST /predict` with LitServe and BentoML: requests per second and latency, same network, image and machine.

The load comes from wrk (on Debian: apt install wrk). The servers run in turns, several rounds: LitServe uses a whole CPU even
without requests. Each figure is the median of the rounds. The first run installs LitServe and BentoML into a virtual
environment of their own. A run at 32 px takes 6 minutes.

python -m benchmarks.serving.predict [--image-size 32] [--concurrency 1,8,32,128] [--rounds 3] [--seconds 3]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving.model import published_model
from benchmarks.serving.processes import children, cpu_ms, family
from benchmarks.serving.servers import PublishedModel, Server, install_peers, ninefold_servers, peer_servers
from benchmarks.serving.wrk import Load, post_with_wrk
from model.artifact.onnx_classifier import OnnxClassifier
from model.host.cpus import cpu_quota
from model.storage.opening import open_storage
from tests.api.pictures import encoded, picture

_BATCH = 32


@dataclass(frozen=True)
class _Measured:
    load: Load
    cpu_ms_per_request: float
    """Of all processes of the server."""


Runs = dict[tuple[str, int], list[_Measured]]


def main() -> None:
    """Print the in-process limit, and one line for each server and concurrency."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        model = published_model(Path(folder, "storage"), options.image_size)
        image = Path(folder, "image.png")
        image.write_bytes(encoded(picture(size=(options.image_size, options.image_size))))
        servers = ninefold_servers(model)
        if not options.without_peers:
            servers += peer_servers(model, install_peers(options.peers))
        chosen = [server for server in servers if options.only in server.name]
        limits, runs = _measure(model, chosen, image, options)
    limit_per_s = statistics.median(limits)
    print(f"the network in-process, batches of {_BATCH}: {limit_per_s:.1f} images/s")
    _print_rows(runs, [server.name for server in chosen], options.concurrency, limit_per_s)
    if options.results:
        _append(options.results, options.image_size, runs)


def _measure(
    model: PublishedModel, servers: list[Server], image: Path, options: argparse.Namespace
) -> tuple[list[float], Runs]:
    limits: list[float] = []
    runs: Runs = {}
    for number in range(options.rounds):
        limits.append(_in_process_images_per_s(model, options.seconds))
        for server in servers:
            print(f"round {number + 1} of {options.rounds}: {server.name}", flush=True)
            with ExitStack() as stack:
                started = _start(server, image, stack)
                for concurrency in options.concurrency:
                    load = started.post(image, concurrency, options.seconds)
                    runs.setdefault((server.name, concurrency), []).append(load)
    return limits, runs


@dataclass(frozen=True)
class _Started:
    server: Server
    url: str
    processes: set[int]
    """Those that were started for the server; they may have started others."""

    def post(self, image: Path, concurrency: int, seconds: int) -> "_Measured":
        """Post the image for some seconds, as many at once."""
        before_ms = self._cpu_ms()
        load = post_with_wrk(self.url, image, self.server.form_field, concurrency, seconds)
        cpu_ms_per_request = (self._cpu_ms() - before_ms) / max(1, load.requests)
        return _Measured(load, cpu_ms_per_request)

    def _cpu_ms(self) -> float:
        return cpu_ms(member for pid in self.processes for member in family(pid))


def _start(server: Server, image: Path, stack: ExitStack) -> _Started:
    others = children(os.getpid())
    url = stack.enter_context(server.running())
    started = _Started(server, url, children(os.getpid()) - others)
    started.post(image, 8, 1)  # the first requests are slower
    return started


def _append(file: Path, image_size: int, runs: Runs) -> None:
    """Add one line for each measurement."""
    with file.open("a") as lines:
        for (server, concurrency), measured in runs.items():
            for one in measured:
                line = {"image_size": image_size, "server": server, "concurrency": concurrency}
                cpu = {"cpu_ms_per_request": one.cpu_ms_per_request}
                lines.write(json.dumps(line | asdict(one.load) | cpu) + "\n")


def _in_process_images_per_s(model: PublishedModel, seconds: float) -> float:
    """Return the rate of the served network alone, without HTTP and decoding."""
    classifier = OnnxClassifier.load(open_storage(model.folder.as_uri()), model.manifest, cpu_quota())
    size = model.manifest.preprocessing.image_size
    images_NHWC = np.random.default_rng(0).integers(0, 256, (_BATCH, size, size, 3), dtype=np.uint8)
    started_s, batches = time.monotonic(), 0
    while time.monotonic() - started_s < seconds:
        classifier.classify(images_NHWC)
        batches += 1
    return _BATCH * batches / (time.monotonic() - started_s)


def _print_rows(runs: Runs, names: list[str], concurrencies: list[int], limit_per_s: float) -> None:
    for concurrency in concurrencies:
        loads = {name: [one.load for one in runs[name, concurrency]] for name in names}
        rates = {name: statistics.median(load.requests_per_s for load in loads[name]) for name in names}
        litserve = max((rate for name, rate in rates.items() if name.startswith("LitServe")), default=0.0)
        for name, rate in rates.items():
            p50_ms, p99_ms = (
                statistics.median(getattr(load, field) for load in loads[name])
                for field in ("p50_ms", "p99_ms")
            )
            used_ms = statistics.median(one.cpu_ms_per_request for one in runs[name, concurrency])
            compared = f", {rate / litserve:.2f} x LitServe" if litserve else ""
            print(
                f"{name:22} concurrency {concurrency:3}: {rate:7.1f} requests/s ({rate / limit_per_s:.2f} of the limit{compared}), "
                f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, CPU time {used_ms:.1f} ms a request, "
                f"errors {sum(load.errors for load in loads[name])}"
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--concurrency", type=numbers, default=[1, 8, 32, 128])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="duration of each measurement")
    parser.add_argument("--only", default="", help="measure only the servers whose name contains this")
    parser.add_argument("--without-peers", action="store_true", help="measure only Ninefold")
    parser.add_argument(
        "--peers", type=Path, default=Path(".venv/peers"), help="virtual environment of the others"
    )
    parser.add_argument(
        "--results", type=Path, help="a file to which each measurement is added as a line of JSON"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
