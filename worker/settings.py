"""Settings from environment variables: those that the API and the workers share, and those of a worker."""

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
    # Short, because the path of a Unix socket may have at most 107 bytes.
    return Path(tempfile.gettempdir()) / f"ninefold-{os.getuid()}"


class ServiceSettings(BaseSettings):
    """The settings that the API and the workers share; set them alike for both."""

    model_config = SettingsConfigDict(env_prefix="NINEFOLD_", extra="ignore", populate_by_name=True)

    redis_url: Annotated[str, Field(validation_alias=AliasChoices("NINEFOLD_REDIS_URL", "REDIS_URL"))] = (
        "redis://127.0.0.1:6379/0"
    )
    storage: str = Field(default_factory=_default_storage)
    """URL of the storage of datasets, checkpoints and models: `file:///…` or `s3://bucket/prefix`."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Prepared datasets, on a local disk; may be deleted at any time."""
    runtime_dir: Path = Field(default_factory=_default_runtime_dir)
    """Folder for Unix sockets; its path must be short."""
    lease_s: float = Field(default=15.0, gt=0)
    """A worker that has not renewed its lease for this long loses its work item."""
    renew_every_s: float = Field(default=1.0, gt=0)
    api_keys: SecretStr = SecretStr("")
    """`alice:key,app:key`; without keys the API listens on the loopback interface only."""
    log_level: str = "INFO"
    source_roots: str = ""
    """Comma-separated folders and `s3://bucket/prefix` from which imports may read, on the hosts of the light workers."""
    allow_egress: bool = False
    """Whether imports may read from public addresses of the internet: `https://…` and `hf://…`."""
    archive_after_days: float = Field(default=30.0, ge=0)
    """Jobs that finished this long ago move from Redis to storage, and records of imports are deleted; 0: neither."""
    keep_states: int = Field(default=20, ge=0)
    """The training states of this many succeeded jobs are kept, the newest ones, so that they can be extended; 0: none."""
    keep_states_days: float = Field(default=7.0, gt=0)
    """Training states that are older than this are deleted."""
    review_max_bytes: int = Field(default=500_000_000, ge=1)
    """Most bytes of the images that are kept for the review of one model name."""
    pack_after_days: float = Field(default=1.0, ge=0)
    """Histories of ended work are compressed once this release has run for this long; earlier ones do not read them."""

    @model_validator(mode="after")
    def _leaves_room_for_a_late_renewal(self) -> Self:
        if self.renew_every_s > self.lease_s / 3:
            raise ValueError(
                f"renew_every_s is {self.renew_every_s}; it may be at most a third of lease_s ({self.lease_s})"
            )
        return self


class WorkerSettings(ServiceSettings):
    """The settings of one worker."""

    lanes: str = "light,training"
    """What the worker claims, first lane first: `training`, `light` (imports and evaluations), or both."""
    devices: str = "auto"
    """`auto`, `cpu`, or CUDA device numbers: `0`, `0,1`. A job uses the first `gpus` of them."""
    threads: int = Field(default=0, ge=0)
    """Threads of a trainer; 0 for the CPU quota of this host or container."""
    stall_timeout_s: float = Field(default=300.0, gt=0)
    """A trainer that sends no message for this long while training is killed; ten times as long outside training."""
    import_timeout_s: float = Field(default=1800.0, gt=0)
    """Maximum time to read an uploaded zip as a dataset, or the bundle of a model."""
    evaluation_timeout_s: float = Field(default=1800.0, gt=0)
    """Maximum time to evaluate a model on a dataset."""
    egress_proxy: SecretStr = SecretStr("")
    """HTTP proxy through which imports read from the internet; the proxy then judges the addresses of names."""
    prepared_bytes: int = Field(default=0, ge=0)
    """Space of all prepared datasets on this host; 0: half of the space on the disk that other files leave."""
    prepared_days: float = Field(default=30.0, ge=0)
    """Prepared datasets that were not used for this long are deleted; 0: never for their age."""
    tensorboard_dir: Path | None = None
    """Folder for TensorBoard files, with a subfolder for each job, when `tensorboard` is installed."""
