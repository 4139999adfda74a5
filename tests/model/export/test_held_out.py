"""Conformal sets: their size follows from held-out images, and they have the label as often as they should."""

import numpy as np
import pytest

from model.errors import CorruptArtifactError, TooFewHeldOutImagesError
from model.export.held_out import HeldOutScores, images_needed, parse_held_out


def held_out(label_probabilities: list[float]) -> HeldOutScores:
    return HeldOutScores(label_probabilities={"float32": sorted(label_probabilities)})


def test_the_least_probability_is_the_quantile_with_the_correction_for_few_images() -> None:
    scores = held_out([number / 10 for number in range(1, 11)])
    # ceil(11 * coverage) of 10 images: 10, 9, 6
    assert [scores.least_probability("float32", coverage) for coverage in (0.9, 0.8, 0.5)] == [0.1, 0.2, 0.5]


@pytest.mark.parametrize(("coverage", "needed"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)])
def test_a_coverage_needs_enough_images(coverage: float, needed: int) -> None:
    assert images_needed(coverage) == needed
    assert held_out([0.5] * needed).least_probability("float32", coverage) == 0.5
    with pytest.raises(TooFewHeldOutImagesError, match=f"needs the scores of {needed} validation images"):
        held_out([0.5] * (needed - 1)).least_probability("float32", coverage)
    with pytest.raises(TooFewHeldOutImagesError, match="has those of 0"):
        held_out([0.5] * needed).least_probability("int8", coverage)


def test_the_share_of_sets_with_the_label_is_that_of_the_theory() -> None:
    """Over many held-out sets of n images its mean is ceil((n + 1) * coverage) / (n + 1), however wrong the scores are."""
    random, images, tries = np.random.default_rng(0), 49, 4000
    logits = random.normal(0, 2, (tries, images + 1, 4))
    labels = (logits + random.gumbel(size=logits.shape)).argmax(2)
    overconfident = np.exp(3 * logits) / np.exp(3 * logits).sum(2, keepdims=True)
    of_label = np.take_along_axis(overconfident, labels[:, :, None], 2)[:, :, 0]
    for coverage in (0.8, 0.9):
        has_label = [
            one[-1] >= held_out(one[:-1].tolist()).least_probability("float32", coverage) for one in of_label
        ]
        deviation = (coverage * (1 - coverage) / tries) ** 0.5
        assert abs(np.mean(has_label) - np.ceil(50 * coverage) / 50) < 4 * deviation


OF_LABELS = [
    0.597, 0.655, 0.569, 0.82, 0.446, 0.483, 0.442, 0.183, 0.48, 0.781, 0.284, 0.308, 0.18, 0.552, 0.479,
    0.64, 0.279, 0.794, 0.696, 0.6, 0.241, 0.292, 0.977, 0.568, 0.351, 0.579, 0.173, 0.569, 0.851,
]  # fmt: skip
NEW_IMAGES = np.array(
    [
        [0.305, 0.173, 0.282, 0.24], [0.202, 0.004, 0.393, 0.401], [0.063, 0.69, 0.012, 0.235],
        [0.822, 0.007, 0.01, 0.161], [0.319, 0.347, 0.053, 0.281], [0.042, 0.502, 0.438, 0.018],
    ]
)  # fmt: skip
SETS_OF_MAPIE = {
    0.8: [[0], [2, 3], [1], [0], [0, 1], [1, 2]],
    0.9: [[0, 2, 3], [0, 2, 3], [1, 3], [0], [0, 1, 3], [1, 2]],
    0.95: [[0, 1, 2, 3], [0, 2, 3], [1, 3], [0], [0, 1, 3], [1, 2]],
}
"""Of mapie 1.6.0: `SplitConformalClassifier(given, confidence_level=coverage, conformity_score="lac", prefit=True)`, where
`given` answers with its input, `conformalize` with 29 rows of probabilities, of whose labels `OF_LABELS` are those, and
`predict_set(NEW_IMAGES)`. 300 random cases with 24,000 memberships gave no difference either."""


@pytest.mark.parametrize("coverage", SETS_OF_MAPIE)
def test_the_sets_are_those_of_mapie(coverage: float) -> None:
    least = held_out(OF_LABELS).least_probability("float32", coverage)
    assert [np.flatnonzero(scores >= least).tolist() for scores in NEW_IMAGES] == SETS_OF_MAPIE[coverage]


@pytest.mark.parametrize(
    "stored", ['{"label_probabilities":{"int8":[1.5]}}', '{"label_probabilities":{"int8":[1,0]}}', "["]
)
def test_a_damaged_file_is_refused(stored: str) -> None:
    with pytest.raises(CorruptArtifactError):
        parse_held_out(stored.encode())
