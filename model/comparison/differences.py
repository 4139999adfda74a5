"""What differs between compared models: classes, and the images on which they disagree."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from model.comparison.pairing import Pairing
from model.comparison.result import ClassDifference


class Disagreement(StrEnum):
    """Which images on which two models disagree."""

    ALL = "all"
    ONLY_CANDIDATE = "only_candidate"
    """Those that only the candidate gets right."""
    ONLY_CURRENT = "only_current"
    """Those that only the other one gets right."""


@dataclass(frozen=True)
class Answer:
    """What one model answers for an image."""

    predicted: str
    score: float
    label_score: float


@dataclass(frozen=True)
class DisputedImage:
    """An image for which two models predict different classes."""

    image: str
    label: str
    candidate: Answer
    current: Answer


def class_differences(pairing: Pairing) -> list[ClassDifference]:
    """Return the recall of both models for each class that has common images, the largest difference first."""
    if pairing.candidate is None or pairing.current is None:
        return []
    size = len(pairing.classes)
    images_K, ours_K, theirs_K = (
        np.bincount(pairing.labels_N, weights=part_N, minlength=size)
        for part_N in (None, pairing.candidate.is_right_N, pairing.current.is_right_N)
    )
    found = [
        ClassDifference(
            name=name,
            images=int(images),
            candidate=float(ours / images),
            current=float(theirs / images),
            difference=float((ours - theirs) / images),
        )
        for name, images, ours, theirs in zip(pairing.classes, images_K, ours_K, theirs_K, strict=True)
        if images
    ]
    return sorted(found, key=lambda one: -abs(one.difference))


def disputed_images(pairing: Pairing, which: Disagreement = Disagreement.ALL) -> list[DisputedImage]:
    """Return the images for which the models predict different classes; those where the label's scores differ most first."""
    ours, theirs = pairing.candidate, pairing.current
    if ours is None or theirs is None:
        return []
    our_names = np.array(pairing.classes)[ours.predicted_N]
    their_names = np.array(pairing.current_classes)[theirs.predicted_N]
    is_wanted_N = our_names != their_names
    if which is not Disagreement.ALL:
        right = ours if which is Disagreement.ONLY_CANDIDATE else theirs
        is_wanted_N &= right.is_right_N
    rows_D = np.flatnonzero(is_wanted_N)
    gap_D = np.abs(ours.label_score_N[rows_D] - theirs.label_score_N[rows_D])
    return [
        DisputedImage(
            image=str(pairing.ids_N[row]),
            label=pairing.classes[pairing.labels_N[row]],
            candidate=Answer(str(our_names[row]), float(ours.score_N[row]), float(ours.label_score_N[row])),
            current=Answer(
                str(their_names[row]), float(theirs.score_N[row]), float(theirs.label_score_N[row])
            ),
        )
        for row in rows_D[np.argsort(-gap_D, kind="stable")].tolist()
    ]
