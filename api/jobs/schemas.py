"""The answers of the job routes, as OpenAPI shows them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import Name, Priority, Promote, ResolvedSpec, Tag
from worker.queue.records import Job as JobRecord


class Rerun(BaseModel):
    """A job that repeats another one with its spec and recipe, to see whether it gives the same weights."""

    model_config = ConfigDict(extra="allow", frozen=True)  # `Reruns` says of a further field what to do

    rerun_of: Annotated[str, StringConstraints(pattern=r"^job_[0-9a-z]{26}$")]
    """The job to repeat: `job_…`."""
    name: Name | None = None
    promote: Promote | None = None
    priority: Priority = 0
    tags: Annotated[list[Tag], Field(max_length=16)] | None = None


class JobLinks(BaseModel):
    """Addresses of a job and of its events, metrics and logs."""

    self: str
    events: str
    metrics: str
    logs: str


class Job(JobRecord):
    """A training job."""

    links: JobLinks


class JobPlan(BaseModel):
    """The resolved spec and recipe that a job would run with; no job was created."""

    object: Literal["job_plan"] = "job_plan"
    spec: ResolvedSpec
    recipe: ResolvedRecipe
    warnings: list[str]


class JobLogs(BaseModel):
    """The last lines that a job's trainer wrote."""

    object: Literal["logs"] = "logs"
    job_id: str
    lines: list[str]
