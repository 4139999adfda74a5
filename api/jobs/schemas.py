"""The answers of the job routes, as OpenAPI shows them."""

from typing import Literal

from pydantic import BaseModel

from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.queue.records import Job as JobRecord


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
