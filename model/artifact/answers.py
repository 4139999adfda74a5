"""What answers of a model may have: the scores below which they abstain, and how images are seen. Needs no numpy."""

from collections.abc import Mapping

from model.errors import CoverageOfMirrorsError, MirrorsDifferError
from model.spec import ResolvedSpec

EVERY_CLASS = "*"
"""Every class that the least scores do not name."""


def least_score(min_scores: Mapping[str, float], label: str) -> float:
    """Return the score below which an answer with this label abstains; 0: never."""
    return min_scores.get(label, min_scores.get(EVERY_CLASS, 0.0))


def abstains(label: str, score: float, min_score: float | None, min_scores: Mapping[str, float]) -> bool:
    """Whether an answer abstains: below `min_score` if there is one, else below the least score of its label."""
    return score < (least_score(min_scores, label) if min_score is None else min_score)


def check_views(spec: ResolvedSpec, *, tta: bool, coverage: float | None) -> None:
    """Return if a model with this spec can classify so.

    Raises:
        CoverageOfMirrorsError: sets of labels are asked for of scores with mirror images.
        MirrorsDifferError: the model was trained without mirror images.
    """
    if tta and coverage is not None:
        raise CoverageOfMirrorsError
    if tta and not spec.horizontal_flip:
        raise MirrorsDifferError
