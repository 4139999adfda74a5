"""The upload of a dataset to a server that loses or keeps it waiting; no service of this project runs here."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ninefold import Client, NinefoldError
from ninefold.client.datasets.part_upload import MAX_INTERRUPTIONS
from ninefold.client.datasets.upload_progress import DatasetProgress
from tests.ninefold.client.http_server import Reply, Request, scripted_server

SIZE = 3_000_000
READY = {"id": "ds_1", "name": "cats", "status": "ready"}


class LossyServer(ThreadingHTTPServer):
    """Closes the connection in the middle of the first `losses` uploads."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.losses = 0
        self.keys: list[str | None] = []
        self.may_read = threading.Event()
        self.may_read.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LossyServer

    def do_GET(self) -> None:
        self._answer(200, {"object": "list", "data": [], "has_more": False})

    def do_POST(self) -> None:
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.server.may_read.wait(30)
        if len(self.server.keys) <= self.server.losses:
            self.rfile.read(SIZE // 2)
            self.connection.close()
            return
        assert len(self.rfile.read(int(self.headers["Content-Length"]))) == SIZE
        self._answer(201, READY)

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture
def server() -> Iterator[LossyServer]:
    with LossyServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "cats.zip").write_bytes(b"PK\x03\x04" + bytes(SIZE - 4))
    return tmp_path / "cats.zip"


def test_an_interrupted_upload_is_sent_again_with_the_same_key(server: LossyServer, archive: Path) -> None:
    server.losses = 2
    course: list[DatasetProgress] = []
    with Client(server.url) as client:
        assert client.add_dataset(archive, "cats", course.append) == READY
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert course.count(DatasetProgress("uploading", 0, SIZE)) == 3
    assert course[-1] == DatasetProgress("uploading", SIZE, SIZE)


def test_an_upload_that_is_always_interrupted_is_given_up(server: LossyServer, archive: Path) -> None:
    server.losses = MAX_INTERRUPTIONS
    with Client(server.url) as client, pytest.raises(NinefoldError):
        client.add_dataset(archive, "cats")
    assert len(server.keys) == MAX_INTERRUPTIONS


def test_ctrl_c_during_an_upload_aborts_it(server: LossyServer, archive: Path) -> None:
    server.may_read.clear()
    command = [sys.executable, "-m", "ninefold", "datasets", "add", str(archive), "--url", server.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as adding:
        assert adding.stderr
        assert adding.stderr.readline() == "uploading\n"
        adding.send_signal(signal.SIGINT)
        rest = adding.stderr.read()
    server.may_read.set()
    assert adding.returncode == 130
    assert rest.strip() == "The upload was aborted; nothing of it is kept."


def test_an_address_is_read_by_the_service_and_nothing_is_sent(tmp_path: Path) -> None:
    def answer(_: Request) -> Reply:
        return Reply(202, READY)

    with scripted_server(answer) as server:
        command = [
            sys.executable,
            "-m",
            "ninefold",
            "datasets",
            "add",
            "hf://owner/Cats@v2",
            "--min-images",
            "9",
        ]
        subprocess.run([*command, "--url", server.url], check=False, capture_output=True, cwd=tmp_path)
        with Client(server.url) as client:
            assert client.add_dataset("s3://bucket/cats", "cats") == READY
    sent = [(request.method, request.target, json.loads(request.body)) for request in server.requests]
    assert sent == [
        ("POST", "/datasets", {"name": "cats", "source": "hf://owner/Cats@v2", "min_images": 9}),
        ("POST", "/datasets", {"name": "cats", "source": "s3://bucket/cats"}),
    ]
