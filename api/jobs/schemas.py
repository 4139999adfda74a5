"""The answers of the job routes, as OpenAPI shows them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from model.comparison.result import Setting
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import Epochs, JobSpec, Name, Patience, Priority, Promote, ResolvedSpec, Tag, TimeBudget
from worker.queue.records import Best, EpochRow, JobResult
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


class Extension(BaseModel):
    """A job that trains a succeeded job longer: it continues from the last state of that training."""

    model_config = ConfigDict(extra="allow", frozen=True)  # `Extensions` says of a further field what to do

    extend: Annotated[str, StringConstraints(pattern=r"^job_[0-9a-z]{26}$")]
    """The job to continue: `job_…`."""
    epochs: Epochs | None = None
    """How many more epochs."""
    time_budget_s: TimeBudget | None = None
    """How much longer, in seconds to the published model. Without `epochs` as many epochs as fit."""
    patience: Patience | None = None
    dataset: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """May be given, but only the dataset of that job is accepted."""
    name: Name | None = None
    promote: Promote | None = None
    priority: Priority = 0
    tags: Annotated[list[Tag], Field(max_length=16)] | None = None

    @model_validator(mode="after")
    def _says_how_long(self) -> Self:
        if self.epochs is None and self.time_budget_s is None:
            raise ValueError("say how much longer: epochs (how many more) or time_budget_s")
        return self


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


class ComparedJob(BaseModel):
    """One of the jobs that are compared."""

    id: str
    name: str
    status: str
    spec: ResolvedSpec | JobSpec
    finish_reason: str | None
    best: Best | None
    result: JobResult | None
    epochs: list[EpochRow] = Field(description="The metrics of each epoch, oldest first.")

    @classmethod
    def of(cls, job: JobRecord, epochs: list[EpochRow]) -> Self:
        """Describe a job."""
        facts = {name: getattr(job, name) for name in cls.model_fields if name != "epochs"}
        return cls(**facts, epochs=epochs)


class JobComparison(BaseModel):
    """Jobs side by side."""

    object: Literal["job_comparison"] = "job_comparison"
    jobs: list[ComparedJob]
    settings: list[Setting] = Field(
        description="Those that differ, of the specs and (recipe.…) of the recipes."
    )
    models: str | None = Field(
        description="Where the models are compared on test images that none was trained on; null unless all have one."
    )


class JobLogs(BaseModel):
    """The last lines that a job's trainer wrote."""

    object: Literal["logs"] = "logs"
    job_id: str
    lines: list[str]
