"""Prints what attacks on /predict do to others: hostile images, slow and many clients, and a killed predictor.

python -m benchmarks.serving.isolation [--seconds 10] [--clients 500] [--clients-seconds 60]
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.serving.model import published_model
from benchmarks.serving.processes import resident_mib, service_processes
from benchmarks.serving.servers import ninefold_servers
from tests.api.pictures import encoded, picture
from tests.model.hostile_images import jpeg_of_many_scans

_ANSWER_S = 60


@dataclass
class Answers:
    """What some clients received."""

    statuses: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    """Of the answers 200."""

    def __str__(self) -> str:
        ordered = sorted(self.latencies_ms) or [0.0]
        p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
        return f"{dict(self.statuses)}, p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {ordered[-1]:.0f} ms"


def main() -> None:
    """Print one line for each attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--clients-seconds", type=float, default=60, help="how long these clients ask")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = published_model(Path(folder, "storage"), 32)
        with ninefold_servers(model)[0].running() as url:
            asyncio.run(_attack(url, options.seconds, options.clients, options.clients_seconds))


async def _attack(url: str, seconds: float, clients: int, clients_seconds: float) -> None:
    small = encoded(picture(size=(32, 32)))
    hostile = jpeg_of_many_scans(8_000, 1_000_000)
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 80
    run = _Run(host, port, seconds)
    await run.post(2, small)
    print("8 clients, small images:", await run.post(8, small))
    good, bad = await asyncio.gather(run.post(8, small), run.post(4, hostile))
    print("… while 4 clients send endless JPEGs:", good)
    print("    their answers:", bad)
    stalled = [await _stalled(host, port) for _ in range(40)]
    print("… while 40 clients stop after 18 of 19 MB:", await run.post(8, small))
    for writer in stalled:
        writer.close()
    slow = [asyncio.create_task(_drip_head(host, port)) for _ in range(100)]
    print("… while 100 clients send a byte of a header each second:", await run.post(8, small))
    print(f"    their connections lasted {max(await asyncio.gather(*slow)):.1f} s at most")
    before_mib = _memory_mib()
    many = replace(run, seconds=clients_seconds)
    print(f"{clients} clients, {clients_seconds:g} s:", await many.post(clients, small))
    print(f"memory of predictor and API, MiB: {before_mib} before, {_memory_mib()} after")
    killing = asyncio.create_task(_kill_predictor(seconds / 2))
    print("8 clients, predictor killed:", await run.post(8, small))
    print(f"ready again after {await killing:.1f} s")


@dataclass(frozen=True)
class _Run:
    host: str
    port: int
    seconds: float

    async def post(self, clients: int, image: bytes) -> Answers:
        """Post an image again and again, with keep-alive connections."""
        answers, ends_at = Answers(), time.monotonic() + self.seconds
        request = _head(len(image)) + image
        await asyncio.gather(*(self._client(request, answers, ends_at) for _ in range(clients)))
        return answers

    async def _client(self, request: bytes, answers: Answers, ends_at: float) -> None:
        while time.monotonic() < ends_at:
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    while time.monotonic() < ends_at:
                        await _ask(reader, writer, request, answers)
                finally:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                answers.statuses[type(error).__name__] += 1


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, answers: Answers
) -> None:
    started = time.monotonic()
    writer.write(request)
    async with asyncio.timeout(_ANSWER_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        await reader.readexactly(length)
    status = head.split()[1]
    answers.statuses[status] += 1
    if status == "200":
        answers.latencies_ms.append(1000 * (time.monotonic() - started))
    elif status == "503":
        await asyncio.sleep(min(1.0, float(head.partition("retry-after:")[2].split()[0])))


def _head(size_bytes: int) -> bytes:
    return (
        "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {size_bytes}\r\n\r\n"
    ).encode()


async def _stalled(host: str, port: int) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(host, port)
    writer.write(_head(19_000_000) + bytes(18_000_000))
    return writer


async def _drip_head(host: str, port: int) -> float:
    """Send a header byte by byte; return the seconds until the server closes the connection, 60 at most."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /predict HTTP/1.1\r\nX-Slow: ")
    closed = asyncio.create_task(reader.read())
    while not closed.done() and time.monotonic() - started < _ANSWER_S:
        writer.write(b"x")
        await asyncio.wait([closed], timeout=1)
    closed.cancel()
    writer.close()
    return time.monotonic() - started


def _memory_mib() -> dict[str, int]:
    processes = service_processes()
    return {name: resident_mib(processes[name]) for name in ("predictor", "API")}


async def _kill_predictor(after_s: float) -> float:
    await asyncio.sleep(after_s)
    started, killed = time.monotonic(), service_processes()["predictor"]
    os.kill(killed, signal.SIGKILL)
    await _until(lambda: asyncio.sleep(0.1, service_processes().get("predictor", killed) != killed))
    return time.monotonic() - started


async def _until(is_true: Callable[[], Awaitable[bool]]) -> None:
    while not await is_true():
        pass


if __name__ == "__main__":
    main()
