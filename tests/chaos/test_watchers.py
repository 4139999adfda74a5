"""R9, R16: with many watchers the API reads the feed once, loses and repeats no event, and survives a slow client."""

import asyncio
import re
import socket
from pathlib import Path

import pytest

from benchmarks.service.event_watchers import Received, Watcher, loop_factory, watch_during
from benchmarks.service.events import feed_readers, shutdown_s
from benchmarks.service.processes import resident_mb
from benchmarks.service.running import running_api
from benchmarks.service.simulated_job import SimulatedJob
from tests.ports import free_port

END_S = 5 * 12
EVENTS, LINE = 4_000, "x" * 4_000
"""16 MB in all; the kernel may buffer 4 MB for a socket, and the queue holds 1,000 events."""
MEMORY_MB = 250
EVENT_ID = re.compile(rb"^id: (\d+-\d+)$", re.MULTILINE)
SECONDS = 4.0
PER_S = 50


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.chaos)])
def test_each_of_many_reconnecting_watchers_receives_every_event_once(
    redis_url: str, tmp_path: Path, count: int
) -> None:
    port = free_port()
    with running_api(redis_url, tmp_path, port):
        job, received = SimulatedJob(redis_url, port), Received()
        watchers = [Watcher(port, job.job_id, received, stay_s=2.0) for _ in range(count)]
        readers: list[int] = []

        def report() -> None:
            job.report_lines(SECONDS, PER_S)
            readers.append(feed_readers(redis_url))
            job.fail()

        with socket.create_connection(("127.0.0.1", port)) as never_reads:
            never_reads.sendall(job.events_request())
            watch_during(report, watchers)
        expected = job.event_ids()
    assert len(expected) > SECONDS * PER_S
    assert all(watcher.ids == expected for watcher in watchers)
    assert received.connections > count  # some watchers reconnected
    assert readers == [1]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.chaos)])
def test_sigterm_ends_every_stream_and_the_process(redis_url: str, tmp_path: Path, count: int) -> None:
    port = free_port()
    with running_api(redis_url, tmp_path, port) as api:
        job_id = SimulatedJob(redis_url, port).job_id
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            assert runner.run(shutdown_s(port, job_id, count, api)) < END_S
        assert api.returncode == 0


def test_a_client_that_never_reads_is_disconnected_and_receives_the_remaining_events_when_it_reconnects(
    redis_url: str, tmp_path: Path
) -> None:
    """The events exceed the socket buffers and the queue: other watchers are not delayed, and the API's memory stays small."""
    port = free_port()
    with running_api(redis_url, tmp_path, port) as api:
        job, received = SimulatedJob(redis_url, port), Received()
        watchers = [Watcher(port, job.job_id, received) for _ in range(5)]
        with socket.socket() as never_reads:
            never_reads.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            never_reads.connect(("127.0.0.1", port))
            never_reads.sendall(job.events_request())

            def report() -> None:
                job.report_log(EVENTS, LINE)
                job.fail()

            watch_during(report, watchers)
            memory_mb = resident_mb(api.pid)
            slow = read_all(never_reads)
        expected = job.event_ids()
        assert all(watcher.ids == expected for watcher in watchers)
        assert memory_mb < MEMORY_MB
        ids = EVENT_ID.findall(slow)
        assert ids == expected[: len(ids)]
        assert len(ids) < len(expected) - 1
        with socket.create_connection(("127.0.0.1", port)) as again:
            again.sendall(job.events_request(ids[-1]))
            assert ids + EVENT_ID.findall(read_all(again)) == expected


def read_all(connection: socket.socket) -> bytes:
    """Read until the API closes the connection or the stream ends."""
    connection.settimeout(60)
    received = b""
    while not received.endswith(b"0\r\n\r\n") and (data := connection.recv(1 << 20)):
        received += data
    return received
