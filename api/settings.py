"""The settings of the API. Knows no HTTP."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from api.predictor.protocol.framing import MAX_BODY_BYTES
from model.artifact.precision import PrecisionSetting
from worker.errors import SourceRefusedError
from worker.queue.import_source import SourceRules
from worker.queue.kinds import QUEUE_LIMITS, Kind
from worker.settings import ServiceSettings

_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MIN_KEY_LENGTH = 16
"""A shorter key can be guessed."""
ANONYMOUS = "anonymous"
"""Name of every caller of a service without keys."""
_PREDICTOR_SCHEME = "unix:"


class StartError(Exception):
    """Raised when the API cannot start with these settings; the message is one line that says what to do."""


class ApiSettings(ServiceSettings):
    """The settings of `python -m api`; the command line overrides the environment."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_workers: int = Field(default=1, ge=1, le=64)
    """Number of processes that answer HTTP."""
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    """The path prefix that a proxy in front of the API adds to every address."""
    access_log: bool = False
    """Log one JSON line for each request: request id, method, route, status, duration, key id."""
    cors_origins: str = ""
    """Comma-separated origins whose web pages may call this API: `https://lab.example`."""
    predictor: str = ""
    """`unix:/path` of a running predictor; empty: the API starts its own."""
    predictor_device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$")] = "auto"
    """Device of the API's own predictor: `auto`, `cpu`, `cuda` or `cuda:N`."""
    predictor_cache_bytes: int = Field(default=2**30, ge=1)
    """Memory for loaded models in the API's own predictor."""
    predict_precision: PrecisionSetting = PrecisionSetting.AUTO
    """Numbers that the API's own predictor computes with on a CPU: `float32`, or `auto`, which is 8-bit integers for the
    models that are as good with them."""
    predict_max_wait_s: float = Field(default=5.0, gt=0, le=60)
    """The API's own predictor refuses requests that would most likely wait longer for others (503 `overloaded`)."""
    max_dataset_bytes: int = Field(default=20 * 2**30, ge=1)
    """Maximum size of an uploaded zip."""
    max_model_bytes: int = Field(default=2**30, ge=1)
    """Maximum size of the bundle of a model that is imported."""
    min_free_bytes: int = Field(default=256 * 2**20, ge=0)
    """New jobs and datasets are refused while the disk of the storage has less free space; 0: no limit."""
    max_queued_jobs: int = Field(default=QUEUE_LIMITS[Kind.TRAINING], ge=1)
    """New jobs are refused while this many are queued."""
    max_queued_imports: int = Field(default=QUEUE_LIMITS[Kind.DATASET_IMPORT], ge=1)
    """New uploads are refused while this many imports are queued."""
    max_queued_evaluations: int = Field(default=QUEUE_LIMITS[Kind.EVALUATION], ge=1)
    """New evaluations are refused while this many items of their lane are queued."""
    max_queued_predictions: int = Field(default=QUEUE_LIMITS[Kind.BATCH_PREDICTION], ge=1)
    """New batch predictions are refused while this many items of their lane are queued."""
    max_uploads: int = Field(default=8, ge=1)
    """Most uploads that one API process receives at once; each may occupy `max_dataset_bytes`."""
    max_wait_s: float = Field(default=60.0, gt=0, le=60)
    """Longest wait of a request with `wait_s`. Set it below the time after which a proxy in front of the API ends a silent request."""
    max_storage_bytes: int = Field(default=0, ge=0)
    """New jobs and datasets are refused while the storage holds this much or more; 0: no limit."""
    max_image_bytes: int = Field(default=20_000_000, ge=1, le=MAX_BODY_BYTES)
    """Maximum size of an image in `POST /predict`."""
    max_images: int = Field(default=64, ge=1, le=1000)
    """Maximum number of images in one `POST /predict`."""

    shadow_fraction: float = Field(default=0.1, ge=0, le=1)
    """The share of the images classified by production that the model with the alias `shadow` classifies too."""
    shadow_keep_images: int = Field(default=0, ge=0)
    """Keep this many images, for each model, for which the shadow gives another label; 0: none."""
    shadow_keep_bytes: int = Field(default=100_000_000, ge=1)
    """Most bytes of these images together."""
    shadow_keep_days: float = Field(default=7.0, gt=0)
    """These images are deleted when they are older than this."""

    def predictor_socket(self) -> Path:
        """Return the socket of the predictor: the given one, or that of the API's own predictor.

        Raises:
            StartError: `predictor` is not the address of a Unix socket.
        """
        if not self.predictor:
            return self.runtime_dir / "predictor.sock"
        if not self.predictor.startswith(_PREDICTOR_SCHEME):
            raise StartError("NINEFOLD_PREDICTOR must be unix: and the path of a socket.")
        return Path(self.predictor.removeprefix(_PREDICTOR_SCHEME))


def parse_keys(text: str) -> dict[str, str]:
    """Parse `alice:key,app:key` into keys by name.

    Raises:
        StartError: an entry is malformed. The message names its number and never quotes the text, which is secret.
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


def parse_rules(settings: ServiceSettings) -> SourceRules:
    """Return which sources of datasets the operator allows; raises StartError when the setting is malformed."""
    try:
        return SourceRules.parse(settings.source_roots, egress=settings.allow_egress)
    except SourceRefusedError as error:
        raise StartError(str(error)) from error


def parse_origins(text: str) -> frozenset[str]:
    """Parse a comma-separated list of origins.

    Raises:
        StartError: an entry is not `scheme://host[:port]`.
    """
    origins = frozenset(origin.rstrip("/").lower() for origin in map(str.strip, text.split(",")) if origin)
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            raise StartError("NINEFOLD_CORS_ORIGINS must list origins such as https://lab.example:8443.")
    return origins


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
