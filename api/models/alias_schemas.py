"""The answers and bodies of the alias routes, as OpenAPI shows them."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from model.comparison.result import Comparison, Gate
from worker.redis_server.timestamps import Timestamp
from worker.registry import aliases


def _check_reason(reason: str) -> str:
    if not reason.isprintable():
        raise ValueError("a reason is one line of text: leave out line breaks and control characters")
    return reason


Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_check_reason)
]


def _as_gate(value: object) -> object:
    """Return what true and false stand for."""
    return (Gate() if value else None) if isinstance(value, bool) else value


IfBetter = Annotated[Gate | None, BeforeValidator(_as_gate, json_schema_input_type=bool | Gate | None)]
Version = Annotated[int, Field(strict=True, ge=1, le=999_999_999)]


class AliasChange(BaseModel):
    """One entry of the history of an alias."""

    object: Literal["alias_change"] = "alias_change"
    id: str
    alias: str
    at: Timestamp
    by: str | None
    from_version: int | None = Field(description="null: the alias did not exist.")
    to_version: int | None = Field(description="null: the alias was deleted.")
    reason: str | None
    returns_to: str | None = Field(description="Of a rollback: the change that had set this version.")
    skipped_versions: list[int] = Field(description="Of a rollback: deleted versions in between.")
    job_id: str | None = Field(description="The job whose `promote` asked for it.")
    refused_version: int | None = Field(
        description="The version that a job's `promote: if_better` did not promote; the alias stayed where it was."
    )
    gate: Comparison | None = Field(description="The comparison that decided.")
    min_scores: dict[str, float] | None = Field(
        description="The least scores that were set with it; null: they stayed as they were."
    )

    @classmethod
    def of(cls, change: aliases.AliasChange) -> Self:
        """Describe an entry of the registry's history."""
        return cls(
            id=f"chg_{change.number}",
            alias=change.alias,
            at=change.at,
            by=change.by,
            from_version=change.from_version,
            to_version=change.to_version,
            reason=change.reason,
            returns_to=f"chg_{change.returns_to}" if change.returns_to else None,
            skipped_versions=change.skipped,
            job_id=change.job_id,
            refused_version=change.refused_version,
            gate=change.gate,
            min_scores=change.min_scores,
        )


class Alias(BaseModel):
    """A name for one version of a model."""

    object: Literal["alias"] = "alias"
    name: str
    alias: str
    version: int
    model_id: str
    previous_version: int | None = Field(description="The version to which a rollback leads.")
    min_scores: dict[str, float] = Field(
        description="Answers of `/predict` through this alias abstain when the score of their label is below that of its "
        "class, or of `*` for the classes that are not named. The request's `min_score` wins."
    )
    change: AliasChange | None = Field(description="The change that made the alias point here.")

    @classmethod
    def of(cls, state: aliases.AliasState, alias: str) -> Self:
        """Describe an alias of the registry."""
        manifest = state.model.manifest
        return cls(
            name=manifest.name,
            alias=alias,
            version=manifest.version,
            model_id=manifest.id,
            previous_version=state.previous_version,
            min_scores=state.model.min_scores,
            change=AliasChange.of(state.change) if state.change else None,
        )


class AliasTarget(BaseModel):
    """The version that an alias shall point at."""

    model_config = ConfigDict(extra="forbid")

    version: Version
    expected_version: Version | None = Field(
        default=None,
        description="Change nothing (409 `alias_moved`) unless the alias points at this version; null: unless there is no "
        "such alias. Left out: whatever it points at.",
    )
    reason: Reason | None = Field(default=None, description="Why, for the history.")
    if_better: IfBetter = Field(
        default=None,
        description="Change nothing unless the version is better than the present one on test images that neither was "
        "trained on: 409 `not_better` or `no_common_test_set`. `true`: a higher accuracy; `false`: no comparison.",
    )
    min_scores: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = Field(
        default=None,
        description="The least score of each class, and of `*`: the classes that are not named. An answer through the alias "
        "with a lower score says `abstained: true`. They replace the ones before, and stay when the alias moves; left out: "
        "nothing changes; `{}`: none.",
    )


class RollbackRequest(BaseModel):
    """Why an alias shall be rolled back, and from where."""

    model_config = ConfigDict(extra="forbid")

    expected_version: Version | None = Field(
        default=None,
        description="Change nothing (409 `alias_moved`) unless the alias points at this version. A repetition is then no "
        "second rollback.",
    )
    reason: Reason | None = Field(default=None, description="Why, for the history.")
