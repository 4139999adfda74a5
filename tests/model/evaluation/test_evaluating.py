# ruff: noqa: N803 - shapes in names: logits_NK

import numpy as np
import pytest

from model.artifact.manifest import DatasetReference
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import Evaluation
from model.evaluation.image_results import image_results
from model.evaluation.stored_predictions import StoredPredictions

DATASET = DatasetReference(id="ds_1", name="pets", content_hash="0" * 64)


def predictions(logits_NK: np.ndarray, labels_N: np.ndarray) -> StoredPredictions:
    count = len(labels_N)
    ids_N = np.array([f"img_{number}" for number in range(count)])
    return StoredPredictions(
        logits_NK.astype(np.float32), labels_N.astype(np.int64), np.full(count, -1, np.int32), ids_N
    )


def random_predictions(images: int, classes: int) -> StoredPredictions:
    random = np.random.default_rng(0)
    labels_N = random.integers(0, classes, images)
    logits_NK = random.normal(size=(images, classes))
    logits_NK[np.arange(images), labels_N] += 1.5
    return predictions(logits_NK, labels_N)


def probabilities(one: StoredPredictions, temperature: float) -> np.ndarray:
    odds_NK = np.exp(one.logits_NK.astype(np.float64) / temperature)
    scores_NK: np.ndarray = odds_NK / odds_NK.sum(1, keepdims=True)
    return scores_NK


def test_scores_agree_with_scikit_learn() -> None:
    from sklearn import metrics  # noqa: PLC0415 - the import takes 1.4 s of CPU time in each of pytest's processes

    one, classes = random_predictions(700, 7), [f"class {number}" for number in range(7)]
    found = evaluate(one, classes, 1.7, DATASET)
    labels_N, scores_NK = one.labels_N, probabilities(one, 1.7)
    predicted_N = scores_NK.argmax(1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels_N, predicted_N))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels_N, predicted_N))
    assert found.log_loss == pytest.approx(metrics.log_loss(labels_N, scores_NK))
    assert found.log_loss_uncalibrated == pytest.approx(metrics.log_loss(labels_N, probabilities(one, 1.0)))
    assert found.confusion_matrix == metrics.confusion_matrix(labels_N, predicted_N).tolist()
    assert found.top_k == pytest.approx(
        {str(k): metrics.top_k_accuracy_score(labels_N, scores_NK, k=k) for k in (2, 3, 5)}
    )
    theirs = metrics.precision_recall_fscore_support(labels_N, predicted_N)
    ours = [(one.precision, one.recall, one.f1, one.support) for one in found.classes]
    assert np.array(ours) == pytest.approx(np.array(theirs).T)
    for row in found.classes:
        for value, interval in (
            (row.precision, row.precision_ci95),
            (row.recall, row.recall_ci95),
            (row.f1, row.f1_ci95),
        ):
            assert value is not None
            assert interval is not None
            assert interval[0] < value < interval[1]


def test_results_of_images_do_not_depend_on_how_many_are_computed_at_once() -> None:
    one = random_predictions(3000, 1000)  # three parts
    results, scores_NK = image_results(one, 2.0), probabilities(one, 2.0)
    assert (results.predicted_N == scores_NK.argmax(1)).all()
    assert results.score_N == pytest.approx(scores_NK.max(1))
    own_N = scores_NK[np.arange(3000), one.labels_N]
    assert results.label_score_N == pytest.approx(own_N)
    assert (results.label_rank_N == (scores_NK > own_N[:, None]).sum(1)).all()
    assert evaluate(one, [str(number) for number in range(1000)], 2.0, DATASET).confusion_matrix is None


def test_of_equal_logits_the_first_class_is_predicted_and_ranked_first() -> None:
    results = image_results(predictions(np.zeros((3, 3)), np.arange(3)), 1.0)
    assert results.predicted_N.tolist() == [0, 0, 0]
    assert results.label_rank_N.tolist() == [0, 1, 2]
    assert results.is_right_N.tolist() == [True, False, False]


def test_probabilities_that_are_too_sure_show_in_the_calibration_and_the_temperature_mends_them() -> None:
    random = np.random.default_rng(3)
    scores_N = random.uniform(0.5, 1, 6000)
    labels_N = (random.uniform(size=6000) > scores_N).astype(
        np.int64
    )  # 0 is right as often as its score says
    logits_NK = np.stack([np.log(scores_N), np.log(1 - scores_N)], axis=1)
    one = predictions(logits_NK * 3, labels_N)
    calibration = evaluate(one, ["a", "b"], 3.0, DATASET).calibration
    assert calibration.ece < 0.02
    assert calibration.ece_uncalibrated > 0.1
    assert [one.images for one in calibration.bins] == [400] * 15
    confidences = [one.confidence for one in calibration.bins]
    assert confidences == sorted(confidences)
    assert all(one.accuracy < one.confidence for one in calibration.bins_uncalibrated)


def test_a_class_without_images_or_predictions_has_no_scores() -> None:
    # Images of b and c are taken for a; there is no image of d, and none is taken for it.
    logits_NK = np.array([[3, 0, 0, 0], [3, 0, 0, 0], [3, 0, 0, 0], [0, 0, 3, 0]])
    found = evaluate(predictions(logits_NK, np.array([0, 1, 1, 2])), list("abcd"), 1.0, DATASET)
    a, b, c, d = found.classes
    assert (a.precision, a.recall, a.f1) == pytest.approx((1 / 3, 1, 0.5))
    assert (b.precision, b.precision_ci95, b.recall, b.f1) == (None, None, 0, 0)
    assert (c.precision, c.recall, c.f1, c.support) == (1, 1, 1, 1)
    assert (d.precision, d.recall, d.recall_ci95, d.f1, d.f1_ci95, d.support) == (*[None] * 5, 0)
    assert found.balanced_accuracy == pytest.approx(2 / 3)
    assert [(one.label, one.predicted, one.images) for one in found.confusions] == [("b", "a", 2)]
    assert found.top_k.keys() == {"2", "3"}


def test_a_higher_threshold_uses_fewer_and_better_predictions() -> None:
    found = evaluate(random_predictions(2000, 4), list("abcd"), 1.0, DATASET)
    first, last = found.thresholds[0], found.thresholds[-1]
    assert (first.min_score, first.coverage, first.images) == (0, 1, 2000)
    assert first.accuracy == found.accuracy
    coverages = [one.coverage for one in found.thresholds]
    assert coverages == sorted(coverages, reverse=True)
    sure = next(one for one in found.thresholds if one.min_score == 0.8)
    assert sure.accuracy is not None
    assert sure.accuracy > found.accuracy + 0.1
    assert last.images == 0 or last.accuracy is not None


def test_no_prediction_above_a_threshold_has_no_accuracy() -> None:
    found = evaluate(predictions(np.zeros((2, 2)), np.array([0, 1])), ["a", "b"], 1.0, DATASET)
    assert (found.thresholds[-1].images, found.thresholds[-1].accuracy) == (0, None)
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_bins_of_the_calibration_have_at_least_ten_images() -> None:
    counts = {}
    for images in (1, 15, 24, 149, 151):
        calibration = evaluate(random_predictions(images, 3), ["a", "b", "c"], 1.0, DATASET).calibration
        counts[images] = [one.images for one in calibration.bins]
    assert counts == {
        1: [1],
        15: [15],
        24: [12, 12],
        149: [11] * 9 + [10] * 5,
        151: [11] + [10] * 14,
    }
