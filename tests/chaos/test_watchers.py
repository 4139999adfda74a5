"""R9, R16 and many watchers: one reader of the feed, nothing lost or doubled, one that never reads harms nobody."""

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from benchmarks.event_watchers import Heard, Watcher, loop_factory, watch_all
from benchmarks.events import Happenings, end_s, feed_readers, running_api
from benchmarks.service import free_port

END_S = 5 * 12
SECONDS = 4.0
PER_S = 50


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.chaos)])
def test_many_watchers_come_and_go_and_each_hears_everything_once(
    redis_url: str, tmp_path: Path, count: int
) -> None:
    port = free_port()
    with running_api(redis_url, tmp_path, port):
        happenings, heard = Happenings(redis_url, port), Heard()
        watchers = [Watcher(port, happenings.job_id, heard, stay_s=2.0) for _ in range(count)]
        readers: list[int] = []

        def happen() -> None:
            happenings.go_on(SECONDS, PER_S)
            readers.append(feed_readers(redis_url))
            happenings.end()

        with socket.create_connection(("127.0.0.1", port)) as never_reads:
            request = f"GET /jobs/{happenings.job_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            never_reads.sendall(request.encode())
            thread = threading.Thread(target=happen)
            thread.start()
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(watch_all(watchers))
            thread.join()
        expected = happenings.ids()
    assert len(expected) > SECONDS * PER_S
    assert all(watcher.ids == expected for watcher in watchers)
    assert heard.connections > count  # some did come back
    assert readers == [1]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.chaos)])
def test_sigterm_ends_every_stream_and_the_process(redis_url: str, tmp_path: Path, count: int) -> None:
    port = free_port()
    with running_api(redis_url, tmp_path, port) as api:
        job_id = Happenings(redis_url, port).job_id
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            assert runner.run(end_s(port, job_id, count, api)) < END_S
        assert api.returncode == 0
