"""Prints where the milliseconds of a request of `POST /predict` go: by stage, and the CPU time by process.

    python -m benchmarks.serving.stages [--image-size 32] [--concurrency 1,8] [--seconds 5]

The stages are medians, so they add up to about the median of the whole. On a busy machine the CPU times say more.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.serving.model import published_model
from benchmarks.serving.processes import cpu_ms, service_processes
from benchmarks.serving.servers import ninefold_servers
from tests.api.pictures import encoded, picture

_WARM_UP_S = 1.0


@dataclass
class Stages:
    """The milliseconds of the requests of one run, by stage."""

    by_name: dict[str, list[float]] = field(default_factory=dict)

    def add(self, client_ms: float, timings_ms: dict[str, float]) -> None:
        """Add one request: what the client waited, and what the answer says."""
        in_predictor = timings_ms["decode"] + timings_ms["queue"] + timings_ms["infer"]
        row = {
            "client, HTTP: accept and send the answer": client_ms - timings_ms["total"],
            "API: body, model, socket, answer": timings_ms["total"] - in_predictor,
            "decode": timings_ms["decode"],
            "wait for a thread and a batch": timings_ms["queue"],
            "the batch in the network": timings_ms["infer"],
            "whole": client_ms,
        }
        for name, duration_ms in row.items():
            self.by_name.setdefault(name, []).append(duration_ms)


def main() -> None:
    """Print a table for each concurrency."""
    options = _options()
    image = encoded(picture(size=(options.image_size, options.image_size)))
    with tempfile.TemporaryDirectory() as folder:
        model = published_model(Path(folder, "storage"), options.image_size)
        with ninefold_servers(model)[0].running() as url:
            asyncio.run(_post(url, image, 8, _WARM_UP_S))
            for concurrency in options.concurrency:
                _print(concurrency, *_measure(url, image, concurrency, options.seconds))


def _measure(url: str, image: bytes, concurrency: int, seconds: float) -> tuple[Stages, dict[str, float]]:
    processes = service_processes()
    before = {name: cpu_ms([pid]) for name, pid in processes.items()}
    stages = asyncio.run(_post(url, image, concurrency, seconds))
    requests = len(stages.by_name["whole"])
    return stages, {name: (cpu_ms([pid]) - before[name]) / requests for name, pid in processes.items()}


def _print(concurrency: int, stages: Stages, cpu_by_process: dict[str, float]) -> None:
    print(f"concurrency {concurrency}, {len(stages.by_name['whole'])} requests; median ms by stage:")
    for name, durations_ms in stages.by_name.items():
        print(f"  {name:42}{statistics.median(durations_ms):8.2f}")
    print("CPU ms of a request:", ", ".join(f"{name} {used:.2f}" for name, used in cpu_by_process.items()))


async def _post(url: str, image: bytes, concurrency: int, seconds: float) -> Stages:
    stages, ends_at = Stages(), time.monotonic() + seconds
    await asyncio.gather(*(_client(url, image, stages, ends_at) for _ in range(concurrency)))
    return stages


async def _client(url: str, image: bytes, stages: Stages, ends_at: float) -> None:
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {len(image)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    while time.monotonic() < ends_at:
        started_s = time.monotonic()
        writer.write(head.encode() + image)
        answer_head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(answer_head.partition("content-length:")[2].split()[0]))
        client_ms = 1000 * (time.monotonic() - started_s)
        stages.add(client_ms, json.loads(body)["timings_ms"])
    writer.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.stages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--concurrency", type=numbers, default=[1, 8])
    parser.add_argument("--seconds", type=float, default=5, help="duration of each measurement")
    return parser.parse_args()


if __name__ == "__main__":
    main()
