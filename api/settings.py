"""What an operator may set for the API; knows no HTTP."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from api.predictor.protocol.framing import MAX_BODY_BYTES
from worker.settings import ServiceSettings

_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
ANONYMOUS = "anonymous"
"""Who made a job when the service asks for no keys."""


class StartError(Exception):
    """Raised when the API cannot start as it is set up; the message is one line that says what to do."""


class ApiSettings(ServiceSettings):
    """The settings of one `python -m api`; its command line overrides the environment."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer HTTP."""
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    """The path that a proxy in front puts before ours."""
    cors_origins: str = ""
    """Comma-separated origins whose pages may call this API: `https://lab.example`."""
    predictor: str = ""
    """`unix:/path` of a predictor that runs already; empty: start one."""
    predictor_device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$")] = "auto"
    """Where the predictor that we start classifies: `auto`, `cpu`, `cuda` or `cuda:N`."""
    predictor_cache_bytes: int = Field(default=2**30, ge=1)
    """Memory for the models that it keeps loaded."""
    max_dataset_bytes: int = Field(default=4 * 2**30, ge=1)
    """The largest zip that may be uploaded."""
    min_free_bytes: int = Field(default=256 * 2**20, ge=0)
    """With less free on the disk of the storage, no new jobs and datasets are taken; 0: always."""
    max_storage_bytes: int = Field(default=0, ge=0)
    """With so much in the storage, no new jobs and datasets are taken; 0: as much as the disk holds."""
    import_timeout_s: float = Field(default=1800, gt=0)
    """So long may reading an uploaded zip take."""
    max_image_bytes: int = Field(default=20_000_000, ge=1, le=MAX_BODY_BYTES)
    """The largest image that may be sent to be classified."""
    max_images: int = Field(default=64, ge=1, le=1000)
    """So many images may one request bring."""


def parse_keys(text: str) -> dict[str, str]:
    """The keys of `alice:key,app:key` by their names.

    Raises:
        StartError: the text has another form; what it holds is not repeated.
    """
    keys: dict[str, str] = {}
    for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        name, _, key = entry.partition(":")
        if not _KEY_NAME.fullmatch(name) or not key.isascii() or not key or name in {*keys, ANONYMOUS}:
            raise StartError(
                f"Entry {number} of NINEFOLD_API_KEYS is not name:key (a new name of letters, digits, _ or -, "
                "an ASCII key); write it like alice:secret,app:other-secret."
            )
        keys[name] = key
    return keys


def parse_origins(text: str) -> frozenset[str]:
    """The origins of a comma-separated list.

    Raises:
        StartError: one of them is not `scheme://host[:port]`.
    """
    origins = frozenset(origin.rstrip("/").lower() for origin in map(str.strip, text.split(",")) if origin)
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            raise StartError("NINEFOLD_CORS_ORIGINS must list origins such as https://lab.example:8443.")
    return origins


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
