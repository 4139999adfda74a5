"""Corrections of a dataset: which images get another class, and which are left out. Opens no image."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.data.files.image_ids import GroupId, ImageId
from model.data.layout.class_name import parse_label
from model.errors import DatasetRejectedError

CORRECTIONS_FILE = "ninefold-corrections.json"
"""The name of the file with corrections in the zip that makes a version."""
MAX_CORRECTIONS = 100_000
MAX_CORRECTIONS_BYTES = 16 << 20


def _parse_class(label: str) -> str:
    try:
        return parse_label(label)
    except DatasetRejectedError as error:
        raise ValueError(str(error)) from None


ClassName = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_parse_class)]


class Relabel(BaseModel):
    """An image that belongs to another class."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    image: ImageId
    label: ClassName = Field(alias="class", description="The class; it may be a new one.")


class Corrections(BaseModel):
    """What to change in a dataset. Images and groups are named by their ids."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    relabel: list[Relabel] = Field(
        default=[], max_length=MAX_CORRECTIONS, description="Images that belong to another class."
    )
    remove: list[ImageId] = Field(
        default=[], max_length=MAX_CORRECTIONS, description="Images that are left out."
    )
    keep_one: list[GroupId | list[ImageId]] = Field(
        default=[],
        max_length=MAX_CORRECTIONS,
        description="Groups of near-duplicates, by id or as a list of images: one image of each is kept, a test image if "
        "the group has one, then the largest.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.count > MAX_CORRECTIONS:
            raise ValueError(
                f"{self.count} corrections are too many: at most {MAX_CORRECTIONS} in one version"
            )
        labels: dict[str, str] = {}
        for one in self.relabel:
            if labels.setdefault(one.image, one.label) != one.label:
                raise ValueError(f"{one.image} cannot get two classes: name one")
        if both := labels.keys() & set(self.remove):
            raise ValueError(f"{min(both)} cannot be relabelled and removed: choose one")
        return self

    @property
    def count(self) -> int:
        """Number of the ids that the corrections name."""
        groups = (1 if isinstance(group, str) else len(group) for group in self.keep_one)
        return len(self.relabel) + len(self.remove) + sum(groups)


def parse_corrections(data: bytes) -> Corrections:
    """Parse the file with corrections of an upload; raises DatasetRejectedError when it is not valid."""
    try:
        return Corrections.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DatasetRejectedError(
            f"{CORRECTIONS_FILE} is not valid: {where + ': ' if where else ''}{first['msg'][:200]}."
        ) from None
