"""Downloads files of public datasets once and checks their sha256."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.errors import DatasetUnavailableError

TIMEOUT_S = 20.0
"""A download fails when the server sends nothing for this long."""

ALTERNATIVES = (
    "Connect to the internet and try again, or add your own images with `ninefold datasets add FOLDER`. "
    "The dataset `digits` works offline."
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Download:
    """A file of a dataset, with the sha256 that its contents must have."""

    dataset: str
    url: str
    sha256: str
    """In hex."""

    @property
    def file_name(self) -> str:
        """Name of the file; files of different datasets may have the same name."""
        return self.url.rpartition("/")[2]


def fetch(download: Download, folder: Path, *, timeout_s: float = TIMEOUT_S) -> Path:
    """Return the path of a file in `folder/<dataset>`; download the file when it is missing or damaged.

    Pooch downloads to a temporary name, checks the sha256 and then renames, so that several processes may
    download the same file at once.

    Raises:
        DatasetUnavailableError: the download failed, or the file's contents have another sha256.
    """
    target = folder / download.dataset / download.file_name
    if not target.is_file():
        logger.info("downloading %s", download.url)
    # Imported here because pooch imports requests, which no other part of the API or the worker needs.
    import pooch  # noqa: PLC0415

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(
            download.url,
            known_hash=f"sha256:{download.sha256}",
            fname=target.name,
            path=target.parent,
            # `identity`: some servers label .gz files as gzip-encoded, and requests would then decompress them.
            downloader=pooch.HTTPDownloader(
                timeout=timeout_s, chunk_size=1 << 20, headers={"Accept-Encoding": "identity"}
            ),
        )
    except OSError as error:  # the root of the errors of requests
        raise DatasetUnavailableError(
            f"{download.dataset} cannot be downloaded from {download.url} ({_first_cause(error)}). {ALTERNATIVES}"
        ) from error
    except ValueError as error:  # the sha256 differs
        raise DatasetUnavailableError(
            f"{download.url} is damaged or no longer the file with the expected sha256. {ALTERNATIVES}"
        ) from error
    # Pooch makes files that only their owner may read; a cache folder may belong to several users.
    with suppress(PermissionError):
        target.chmod(0o644)
    return target


def _first_cause(error: BaseException) -> BaseException:
    """Return the error of the system, such as `Connection refused`, that requests and urllib3 have wrapped."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
