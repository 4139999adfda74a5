import functools
import hashlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.data.sources.downloads import Download, fetch
from model.errors import DatasetUnavailableError

CONTENT = b"pictures of shoes"


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Labels .gz files as gzip-encoded for clients that accept that, as some servers of public datasets do."""

    def end_headers(self) -> None:
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder with one file, a.gz, and the URL of the server that serves the folder."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.gz").write_bytes(CONTENT)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def download_of(url: str, content: bytes = CONTENT) -> Download:
    return Download("shoes", f"{url}/a.gz", hashlib.sha256(content).hexdigest())


def test_a_file_is_downloaded_once(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    first = fetch(download_of(url), tmp_path / "cache")
    assert first.read_bytes() == CONTENT
    (folder / "a.gz").unlink()
    assert fetch(download_of(url), tmp_path / "cache") == first
    assert [path.name for path in (tmp_path / "cache" / "shoes").iterdir()] == ["a.gz"]
    assert first.stat().st_mode & 0o777 == 0o644


def test_a_file_with_another_sha256_is_refused_and_not_kept(site: tuple[Path, str], tmp_path: Path) -> None:
    _, url = site
    with pytest.raises(DatasetUnavailableError, match="no longer the file"):
        fetch(download_of(url, b"others"), tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_damaged_download_is_replaced(site: tuple[Path, str], tmp_path: Path) -> None:
    _, url = site
    fetch(download_of(url), tmp_path).write_bytes(CONTENT[:5])
    assert fetch(download_of(url), tmp_path).read_bytes() == CONTENT


def test_without_a_network_the_error_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(
            DatasetUnavailableError, match=r"`ninefold datasets add FOLDER`.*`digits` works offline"
        ):
            fetch(download_of(url), tmp_path)


def test_a_download_from_a_silent_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(DatasetUnavailableError):
            fetch(download_of(url), tmp_path, timeout_s=0.3)
        assert time.monotonic() - started < 10
    assert socket.getdefaulttimeout() is None


def test_a_download_that_stops_halfway_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send_half() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(500))
                connection.recv(1024)  # returns when the client gives up

        thread = threading.Thread(target=send_half)
        thread.start()
        with pytest.raises(DatasetUnavailableError):
            fetch(download_of(f"http://127.0.0.1:{server.getsockname()[1]}"), tmp_path, timeout_s=0.3)
        thread.join()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
