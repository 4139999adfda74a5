import functools
import hashlib
import http.server
import io
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.cifar10 import TEST_FILES, TRAIN_FILES, fetch_archive, read_archive
from model.errors import DatasetUnavailableError


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which it is served."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def write_archive(path: Path, images_a_file: int = 3) -> np.ndarray:
    """An archive of the binary edition's form; returns its records."""
    random = np.random.default_rng(0)
    records = random.integers(0, 256, (6, images_a_file, 3073), dtype=np.uint8)
    records[..., 0] %= 10
    with tarfile.open(path, "w:gz") as tar:
        for name, part in zip((*TRAIN_FILES, *TEST_FILES), records, strict=True):
            info = tarfile.TarInfo(name)
            info.size = part.nbytes
            tar.addfile(info, io.BytesIO(part.tobytes()))
    return records


def test_records_become_images_with_channels_last(tmp_path: Path) -> None:
    records = write_archive(tmp_path / "a.tar.gz")
    train, test = read_archive(tmp_path / "a.tar.gz")
    assert train.images_NHWC.shape == (15, 32, 32, 3)
    assert test.images_NHWC.shape == (3, 32, 32, 3)
    assert train.labels_N.tolist() == records[:5, :, 0].reshape(-1).tolist()
    red, green = records[0, 0, 1 + 5], records[0, 0, 1 + 1024 + 5]
    assert train.images_NHWC[0, 0, 5, :2].tolist() == [red, green]


def test_an_archive_is_downloaded_once(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    write_archive(folder / "a.tar.gz")
    sha256 = hashlib.sha256((folder / "a.tar.gz").read_bytes()).hexdigest()
    first = fetch_archive(tmp_path / "cache", url=f"{url}/a.tar.gz", sha256=sha256)
    (folder / "a.tar.gz").unlink()
    assert fetch_archive(tmp_path / "cache", url=f"{url}/a.tar.gz", sha256=sha256) == first
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.tar.gz"]


def test_another_archive_is_refused_and_not_kept(site: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = site
    write_archive(folder / "a.tar.gz")
    with pytest.raises(DatasetUnavailableError, match="no longer the file"):
        fetch_archive(tmp_path / "cache", url=f"{url}/a.tar.gz", sha256="0" * 64)
    assert list((tmp_path / "cache").iterdir()) == []


def test_offline_says_what_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a.tar.gz"
        with pytest.raises(
            DatasetUnavailableError, match=r"`ninefold datasets add FOLDER`.*`digits` works offline"
        ):
            fetch_archive(tmp_path, url=url)


def test_a_silent_server_does_not_hang_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.tar.gz"
        started = time.monotonic()
        with pytest.raises(DatasetUnavailableError):
            fetch_archive(tmp_path, url=url, timeout_s=0.3)
        assert time.monotonic() - started < 10
    assert socket.getdefaulttimeout() is None
