"""The fields of a comparison of two models, and what a candidate must achieve to be better."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from model.artifact.manifest import Fraction
from model.spec import Margin, Metric

MIN_GROUPS = 20
"""With fewer independent images nothing is decided: all of a few images prove little, whatever the bootstrap says."""


class Gate(BaseModel):
    """What a candidate must achieve: the lower end of the difference's interval is above the margin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Metric = Metric.ACCURACY
    margin: Margin = Field(default=0.0, description="0.01 is one percentage point of accuracy.")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class ComparedModel(_Part):
    """One of the two models."""

    id: str
    name: str
    version: int


class McNemar(_Part):
    """McNemar's exact test of equal accuracy."""

    only_candidate_right: int
    only_current_right: int
    p_value: Fraction


class LeftOut(_Part):
    """Test images that the comparison does not use, by the first reason that applies."""

    only_candidate: int = Field(default=0, description="Test images of the candidate's dataset alone.")
    only_current: int = Field(default=0, description="Test images of the current model's dataset alone.")
    trained_on: int = Field(
        default=0, description="A model from whose weights one of the two started was trained on them."
    )
    near_training: int = Field(
        default=0, description="They look like an image that such a model was trained on."
    )
    unknown_ancestor: int = Field(default=0, description="It is not known what such a model was trained on.")
    unknown_label: int = Field(
        default=0, description="Their class in the candidate's dataset is unknown to the current model."
    )


class Comparison(_Part):
    """A candidate and the current model on test images that neither of them, nor an ancestor, was trained on."""

    candidate_model: ComparedModel
    current_model: ComparedModel
    metric: Metric
    margin: float
    images: int
    groups: int = Field(description="Groups of near-duplicates; an image alone is a group.")
    candidate: float | None = Field(description="The metric of the candidate; null without images.")
    current: float | None
    difference: float | None = Field(
        description="Positive when the candidate is better, also for log_loss, where less is better."
    )
    ci95: tuple[float, float] | None = Field(
        description="95 % interval of the difference: paired bootstrap by group, and for accuracy no narrower than the "
        "exact test."
    )
    mcnemar: McNemar | None
    left_out: LeftOut
    relabelled: int = Field(
        description="Images with another class in the current model's dataset; the candidate's counts."
    )
    missing_classes: list[str] = Field(
        default=[], description="Classes of the current model that the candidate does not have."
    )
    is_better: bool = Field(
        description="Whether the interval is above the margin, on 20 different images or more of which the two datasets "
        "have at least half in the same class."
    )
    images_needed: int | None = Field(
        description="About how many such images would show a difference of this size; null when it is shown, or when no "
        "number would."
    )


class Setting(BaseModel):
    """A setting in which models or jobs differ."""

    name: str
    values: list[JsonValue] = Field(description="One for each, in their order; null where it has none.")


class ClassDifference(_Part):
    """The recall of two models for one class, on common images."""

    name: str
    images: int
    candidate: Fraction
    current: Fraction
    difference: float
