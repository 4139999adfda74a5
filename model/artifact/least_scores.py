"""The scores below which answers abstain. Needs no numpy."""

from collections.abc import Mapping

EVERY_CLASS = "*"
"""Every class that the least scores do not name."""


def least_score(min_scores: Mapping[str, float], label: str) -> float:
    """Return the score below which an answer with this label abstains; 0: never."""
    return min_scores.get(label, min_scores.get(EVERY_CLASS, 0.0))


def abstains(label: str, score: float, min_score: float | None, min_scores: Mapping[str, float]) -> bool:
    """Whether an answer abstains: below `min_score` if there is one, else below the least score of its label."""
    return score < (least_score(min_scores, label) if min_score is None else min_score)
