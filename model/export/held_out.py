"""The probabilities that a model gives to the labels of held-out images, and the conformal sets that follow from them.

Split conformal prediction with the least ambiguous sets (Sadinle, Lei and Wasserman 2019, arXiv 1609.00451): a set has
each class whose probability reaches a bound. The share `coverage` of the held-out images give their own label at least
this probability. If an image is exchangeable with the n held-out images, the set of the image has the label of the image
with a probability between the coverage and 1 / (n + 1) more.
"""
# ruff: noqa: N803 - shapes in names: labels_N

import math
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.errors import CorruptArtifactError, TooFewHeldOutImagesError
from model.export.facts import HELD_OUT_FILE

MAX_HELD_OUT = 10_000
FLOAT32, INT8 = "float32", "int8"
"""As `model.artifact.precision` names them."""

Probability = Annotated[float, Field(ge=0, le=1)]


class HeldOutScores(BaseModel):
    """The calibrated probabilities of the labels of validation images, ascending, by the precision that gave them."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    label_probabilities: dict[str, Annotated[list[Probability], Field(max_length=MAX_HELD_OUT)]]

    @classmethod
    def of(cls, probabilities: dict[str, NDArray[np.float32]], labels_N: NDArray[np.int64]) -> Self:
        """Take the probabilities of the labels from the probabilities_NK of each precision."""
        rows_N = np.arange(len(labels_N))
        return cls(
            label_probabilities={
                precision: np.sort(scores_NK[rows_N, labels_N]).astype(float).clip(0, 1).tolist()
                for precision, scores_NK in probabilities.items()
            }
        )

    def least_probability(self, precision: str, coverage: float) -> float:
        """Return the probability from which on a class is in the set of an image.

        Args:
            precision: that classifies.
            coverage: share of the images whose set shall have their label; above 0, below 1.

        Raises:
            TooFewHeldOutImagesError: more images would be needed.
        """
        ascending_N = self.label_probabilities.get(precision, [])
        images = len(ascending_N)
        included = _ceil((images + 1) * coverage)
        if included > images:
            raise TooFewHeldOutImagesError(images, images_needed(coverage), coverage)
        return ascending_N[images - included]


def parse_held_out(data: bytes) -> HeldOutScores:
    """Read a stored file; raises CorruptArtifactError."""
    try:
        stored = HeldOutScores.model_validate_json(data)
    except ValidationError as error:
        raise CorruptArtifactError(f"{HELD_OUT_FILE} does not have scores from 0 to 1.") from error
    if any(scores != sorted(scores) for scores in stored.label_probabilities.values()):
        raise CorruptArtifactError(f"{HELD_OUT_FILE} does not have ascending scores.")
    return stored


def images_needed(coverage: float) -> int:
    """Return the least number of held-out images for a coverage."""
    return _ceil(coverage / (1 - coverage))


def _ceil(value: float) -> int:
    """Round up, but not because a product such as 0.07 * 100 is a little above a whole number."""
    return math.ceil(value - 1e-9)
