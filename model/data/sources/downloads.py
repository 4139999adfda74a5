"""Files of public datasets, downloaded once and checked against the sha256 that they are known by."""

import hashlib
import logging
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.errors import DatasetUnavailableError

TIMEOUT_S = 20.0
"""Without a word from the server."""

WAYS_OUT = (
    "Connect to the internet and try again, or add images of your own with `ninefold datasets add FOLDER`. "
    "The dataset `digits` works offline."
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """A file that never changes."""

    dataset: str
    url: str
    sha256: str
    """In hex."""

    @property
    def file_name(self) -> str:
        """What it is called; other datasets may call theirs so too."""
        return self.url.rpartition("/")[2]


def fetch(download: Download, folder: Path, *, timeout_s: float = TIMEOUT_S) -> Path:
    """The file in a folder of its dataset within `folder`, downloaded if it is not there yet.

    Raises:
        DatasetUnavailableError: it is out of reach, or no longer what it was.
    """
    file = folder / download.dataset / download.file_name
    if _has_sha256(file, download.sha256):
        return file
    # Two trainers may download at once: each into a folder of its own, and the last one wins.
    own = file.parent / f".{os.getpid()}-{secrets.token_hex(4)}"
    try:
        _download(download, own, timeout_s)
        if not _has_sha256(own / file.name, download.sha256):
            raise DatasetUnavailableError(
                f"{download.url} is damaged or no longer the file that it was. {WAYS_OUT}"
            )
        (own / file.name).replace(file)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return file


def _download(download: Download, folder: Path, timeout_s: float) -> None:
    from torchvision.datasets.utils import download_url  # noqa: PLC0415  # imports torch

    logger.info("downloading %s", download.url)
    try:
        with _socket_timeout(timeout_s):
            download_url(download.url, str(folder))
    except (OSError, RuntimeError) as error:
        raise DatasetUnavailableError(
            f"{download.dataset} cannot be had from {download.url} ({error}). {WAYS_OUT}"
        ) from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """torchvision's downloader passes no timeout of its own, so a dead server would hang it for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _has_sha256(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
