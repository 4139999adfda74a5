"""Keeps the groups of a dataset's training images beside its images, where a training finds them.

A dataset that an earlier release imported has no such file until the same images are added again.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from model.data.record import dataset_key
from model.errors import CorruptArtifactError
from model.storage.interface import Storage

GROUPS_FILE = "groups.json"


class TrainingGroups(BaseModel):
    """Groups of training images that are nearly the same."""

    model_config = ConfigDict(frozen=True)

    object: Literal["training_groups"] = "training_groups"
    groups: list[list[int]]
    """The positions of each group's images among the training images, in the order of the dataset's zip."""


def group_training_images(digests: Sequence[str], groups: Mapping[str, str]) -> TrainingGroups:
    """Return the groups of the training images, given by sha256 in the order of the zip.

    Args:
        digests: of the training images.
        groups: the group of each digest that has one.
    """
    positions: dict[str, list[int]] = {}
    for position, digest in enumerate(digests):
        if digest in groups:
            positions.setdefault(groups[digest], []).append(position)
    return TrainingGroups(groups=[members for members in positions.values() if len(members) > 1])


def read_training_groups(dataset: str, storage: Storage) -> list[list[int]]:
    """Return the groups of a dataset, given by built-in name or id; none if it has no file of groups."""
    key = dataset_key(dataset, GROUPS_FILE)
    if not storage.exists(key):
        return []
    try:
        return TrainingGroups.model_validate_json(storage.read_bytes(key)).groups
    except ValidationError as error:
        raise CorruptArtifactError(
            f"{key} is damaged in storage: delete it, then the training chooses validation images without groups."
        ) from error
