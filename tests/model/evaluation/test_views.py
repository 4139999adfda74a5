"""The scores of several views of one image."""

import numpy as np

from model.evaluation.views import label_set, mirrored, scores_of_views


def test_the_scores_of_views_are_those_of_their_mean_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 4, (2, 5))
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    mean = np.exp(logits.mean(0)) / np.exp(logits.mean(0)).sum()
    np.testing.assert_allclose(scores_of_views(scores.astype(np.float32)), mean, rtol=1e-5)


def test_views_that_are_sure_of_different_classes_give_finite_scores() -> None:
    scores = scores_of_views(np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    np.testing.assert_allclose(scores, [0.5, 0.5, 0], atol=1e-6)


def test_a_mirror_image_is_mirrored_from_left_to_right() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert mirrored(image)[0].tolist() == [[3, 4, 5], [0, 1, 2]]


def test_a_set_has_the_classes_from_the_least_probability_on() -> None:
    scores = np.array([0.2, 0.5, 0.3], np.float32)
    sets = [label_set(scores, ["a", "b", "c"], least) for least in (0.1, 0.3, 0.4, 0.6)]
    assert sets == [["b", "c", "a"], ["b", "c"], ["b"], []]
