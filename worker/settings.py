"""What an operator may set, read from the environment here and nowhere else."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.host.cache_folder import default_cache_dir


def _default_storage() -> str:
    return (Path.cwd() / "data" / "storage").as_uri()


def _default_runtime_dir() -> Path:
    # Short on purpose: a Unix socket's path may have 107 bytes.
    return Path(tempfile.gettempdir()) / f"ninefold-{os.getuid()}"


class ServiceSettings(BaseSettings):
    """What the API and the workers share: set it alike for both."""

    model_config = SettingsConfigDict(env_prefix="NINEFOLD_", extra="ignore", populate_by_name=True)

    redis_url: Annotated[str, Field(validation_alias=AliasChoices("NINEFOLD_REDIS_URL", "REDIS_URL"))] = (
        "redis://127.0.0.1:6379/0"
    )
    storage: str = Field(default_factory=_default_storage)
    """Where datasets, checkpoints and models live: `file:///…`."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Prepared datasets, on a local disk; may be deleted at any time."""
    runtime_dir: Path = Field(default_factory=_default_runtime_dir)
    """Sockets; a short path."""
    lease_s: float = Field(default=15.0, gt=0)
    """A worker that has not renewed for this long has lost its job."""
    renew_every_s: float = Field(default=1.0, gt=0)
    api_keys: SecretStr = SecretStr("")
    """`alice:key,app:key`; none: loopback only."""
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _leaves_room_for_a_late_renewal(self) -> Self:
        if self.renew_every_s > self.lease_s / 3:
            raise ValueError(
                f"renew_every_s is {self.renew_every_s}; it may be at most a third of lease_s ({self.lease_s})"
            )
        return self


class WorkerSettings(ServiceSettings):
    """One worker's own settings."""

    devices: str = "auto"
    """`auto`, `cpu`, or CUDA device numbers: `0`, `0,1`. A job takes as many of them as its `gpus` says."""
    threads: int = Field(default=0, ge=0)
    """Threads of a trainer; 0: this host's share."""
    stall_timeout_s: float = Field(default=300.0, gt=0)
    """A trainer that is silent for so long between two steps is killed; ten times that while it prepares data."""
    tensorboard_dir: Path | None = None
    """Where each job's curves go, in a folder named by its id, when `tensorboard` is installed."""
    archive_after_days: float = Field(default=30.0, ge=0)
    """Jobs that ended so long ago move from Redis to storage; 0: never."""
