"""Computes an evaluation from stored predictions, without torch and without the network."""
# ruff: noqa: N803 - shapes in names: counts_KK

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.artifact.manifest import DatasetReference
from model.evaluation.evaluation import (
    Calibration,
    ClassScores,
    Confusion,
    Evaluation,
    Threshold,
    TrainingOverlap,
)
from model.evaluation.image_results import ImageResults, image_results
from model.evaluation.intervals import (
    f1_interval,
    grouped_interval,
    share_interval,
    unit_numbers,
    wilson_interval,
)
from model.evaluation.reliability import confidence_bins, expected_calibration_error
from model.evaluation.stored_predictions import StoredPredictions

_TOP_K = (2, 3, 5)
_MAX_MATRIX_CLASSES = 200
_MAX_CONFUSIONS = 100
_MIN_SCORES = (*(step / 20 for step in range(20)), 0.97, 0.98, 0.99, 0.995, 0.999)


def evaluate(
    predictions: StoredPredictions,
    classes: Sequence[str],
    temperature: float,
    dataset: DatasetReference,
    *,
    split: str = "test",
    unknown_classes: Mapping[str, int] | None = None,
    training_overlap: TrainingOverlap | None = None,
) -> Evaluation:
    """Compute how good predictions are. Equal predictions give equal evaluations.

    Args:
        predictions: of at least one image.
        classes: of the model, in the order of the logits.
        temperature: of the model.
        dataset: of the images.
        split: of the images.
        unknown_classes: how many images of the split have a class that the model does not have.
        training_overlap: which images the model has seen in its training; None for the test images of its own dataset.
    """
    results, raw = image_results(predictions, temperature), image_results(predictions, 1.0)
    counts_KK = _count(predictions.labels_N, results.predicted_N, len(classes))
    accuracy = float(results.is_right_N.mean())
    support_K = counts_KK.sum(1)
    recalls = np.diagonal(counts_KK)[support_K > 0] / support_K[support_K > 0]
    return Evaluation(
        dataset=dataset,
        split=split,
        images=len(predictions),
        groups=int(unit_numbers(predictions.groups_N).max()) + 1,
        unknown_classes=dict(unknown_classes or {}),
        training_overlap=training_overlap,
        accuracy=accuracy,
        ci95=wilson_interval(accuracy, len(predictions)),
        ci95_by_group=grouped_interval(results.is_right_N, predictions.groups_N),
        balanced_accuracy=float(recalls.mean()),
        top_k={str(k): float((results.label_rank_N < k).mean()) for k in _TOP_K if k < len(classes)},
        log_loss=float(results.loss_N.mean()),
        log_loss_uncalibrated=float(raw.loss_N.mean()),
        temperature=temperature,
        calibration=_calibration(results, raw),
        classes=_class_scores(counts_KK, classes),
        confusion_matrix=counts_KK.tolist() if len(classes) <= _MAX_MATRIX_CLASSES else None,
        confusions=_confusions(counts_KK, classes),
        thresholds=[_threshold(results, min_score) for min_score in _MIN_SCORES],
    )


def _count(labels_N: NDArray[np.int64], predicted_N: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count the images by label (rows) and predicted class (columns)."""
    cells_N = labels_N * classes + predicted_N
    return np.bincount(cells_N, minlength=classes**2).reshape(classes, classes)


def _calibration(results: ImageResults, raw: ImageResults) -> Calibration:
    bins = confidence_bins(results.score_N, results.is_right_N)
    raw_bins = confidence_bins(raw.score_N, raw.is_right_N)
    return Calibration(
        ece=expected_calibration_error(bins),
        ece_uncalibrated=expected_calibration_error(raw_bins),
        bins=bins,
        bins_uncalibrated=raw_bins,
    )


def _class_scores(counts_KK: NDArray[np.int64], classes: Sequence[str]) -> list[ClassScores]:
    supports, predictions = counts_KK.sum(1).tolist(), counts_KK.sum(0).tolist()
    rows = zip(classes, supports, predictions, np.diagonal(counts_KK).tolist(), strict=True)
    return [
        ClassScores(
            name=name,
            support=support,
            predicted=predicted,
            precision=right / predicted if predicted else None,
            precision_ci95=share_interval(right, predicted),
            recall=right / support if support else None,
            recall_ci95=share_interval(right, support),
            f1=2 * right / (support + predicted) if support + predicted else None,
            f1_ci95=f1_interval(right, support + predicted - 2 * right),
        )
        for name, support, predicted, right in rows
    ]


def _confusions(counts_KK: NDArray[np.int64], classes: Sequence[str]) -> list[Confusion]:
    wrong_KK = counts_KK.copy()
    np.fill_diagonal(wrong_KK, 0)
    labels, predicted = np.nonzero(wrong_KK)
    images = wrong_KK[labels, predicted]
    order = np.argsort(-images, kind="stable")[:_MAX_CONFUSIONS]
    return [
        Confusion(label=classes[labels[one]], predicted=classes[predicted[one]], images=int(images[one]))
        for one in order
    ]


def _threshold(results: ImageResults, min_score: float) -> Threshold:
    is_used_N = results.score_N >= min_score
    images, right = int(is_used_N.sum()), int((is_used_N & results.is_right_N).sum())
    return Threshold(
        min_score=min_score,
        coverage=images / len(is_used_N),
        accuracy=right / images if images else None,
        ci95=share_interval(right, images),
        images=images,
    )
