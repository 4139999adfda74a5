"""What the API answers, as OpenAPI shows it; what it is asked is in model.spec and here below."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from model.artifact.manifest import Manifest
from model.data.record import SkippedFile
from model.spec import JobSpec, ResolvedSpec
from worker.queue.live_workers import WorkerRecord
from worker.queue.records import EpochRow
from worker.queue.records import Job as JobRecord

T = TypeVar("T")

__all__ = ["EpochRow", "JobSpec"]


class Page(BaseModel, Generic[T]):
    """A page of a list; the next one comes `after` the last of these."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool


class JobLinks(BaseModel):
    """Where to read on about a job."""

    self: str
    events: str
    metrics: str
    logs: str


class Job(JobRecord):
    """A training job."""

    links: JobLinks


class JobPlan(BaseModel):
    """What a job would really run; nothing was created."""

    object: Literal["job_plan"] = "job_plan"
    spec: ResolvedSpec
    warnings: list[str]


class JobLogs(BaseModel):
    """The last lines that a job's trainer wrote."""

    object: Literal["logs"] = "logs"
    job_id: str
    lines: list[str]


class Dataset(BaseModel):
    """Images that jobs can train on; a dataset never changes."""

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    status: Literal["ready"] = "ready"
    is_built_in: bool
    classes: list[str]
    train_counts: list[int] = Field(description="Training images of each class, in the order of `classes`.")
    test_counts: list[int]
    images: int
    median_width: int
    median_height: int
    content_hash: str
    size_bytes: int | None = Field(description="Of all image files together; null for built-in datasets.")
    skipped_count: int = Field(description="Files that did not become part of the dataset.")
    skipped: list[SkippedFile] = Field(description="The first of them, each with the reason.")
    created_by: str | None
    created_at: AwareDatetime | None


class Model(Manifest):
    """A published model and the aliases that point at it now."""

    aliases: list[str]


class Alias(BaseModel):
    """A name for one of a model's versions."""

    object: Literal["alias"] = "alias"
    name: str
    alias: str
    version: int
    model_id: str


class AliasTarget(BaseModel):
    """Which version an alias is to point at."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(strict=True, ge=1, le=999_999_999)]


class SessionRequest(BaseModel):
    """A key to trade for a cookie."""

    model_config = ConfigDict(extra="forbid")

    key: SecretStr


class Session(BaseModel):
    """Who is signed in, and until when."""

    object: Literal["session"] = "session"
    name: str
    expires_at: AwareDatetime | None


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether each part works: `ok`, or what is wrong with it."""

    status: Literal["ready", "not_ready"]
    redis: str
    storage: str
    predictor: str
    warnings: list[str]


class Worker(WorkerRecord):
    """A worker that lives."""

    object: Literal["worker"] = "worker"
