"""Compares a candidate with the current model, and decides whether the candidate is better."""

from typing import Any

from model.artifact.manifest import Manifest
from model.comparison.pairing import Pairing, PredictedModel, pair_models
from model.comparison.result import MIN_GROUPS, ComparedModel, Comparison, Gate, McNemar
from model.comparison.statistics import (
    difference_interval,
    images_needed,
    mcnemar_p_value,
)
from model.evaluation.stored_predictions import read_predictions
from model.spec import Metric
from model.storage.interface import Storage


def compare_models(candidate: Manifest, current: Manifest, gate: Gate, storage: Storage) -> Comparison:
    """Compare two published models on the test images that neither was trained on.

    Raises:
        NoEvaluationError: one of them has no stored predictions.
        CorruptArtifactError: stored predictions are damaged.
        StorageError: storage fails.
    """
    return compare(candidate, current, pair_published(candidate, current, storage), gate)


def pair_published(candidate: Manifest, current: Manifest, storage: Storage) -> Pairing:
    """Pair the stored predictions of two published models; raises the errors of `compare_models`."""
    ours, theirs = (PredictedModel(one, read_predictions(storage, one)) for one in (candidate, current))
    return pair_models(ours, theirs, storage)


def compare(candidate: Manifest, current: Manifest, pairing: Pairing, gate: Gate) -> Comparison:
    """Compare two models whose predictions are paired.

    The candidate is better when the lower end of the difference's interval is above the margin, on enough images of which
    both datasets have at least half in the same class.
    """
    facts: dict[str, Any] = {
        "candidate_model": _reference(candidate),
        "current_model": _reference(current),
        "metric": gate.metric,
        "margin": gate.margin,
        "images": len(pairing.ids_N),
        "left_out": pairing.left_out,
        "relabelled": pairing.relabelled,
        "missing_classes": [name for name in current.classes if name not in set(candidate.classes)],
    }
    if pairing.candidate is None or pairing.current is None:
        missing = dict.fromkeys(("candidate", "current", "difference", "ci95", "mcnemar", "images_needed"))
        return Comparison.model_validate({**facts, **missing, "groups": 0, "is_better": False})
    scores = pairing.scores(gate.metric)
    ours, theirs = scores.mean(scores.candidate_N), scores.mean(scores.current_N)
    low, high = difference_interval(scores)
    # With most labels changed, the labels differ and not the models: the folders of two classes were swapped, for example.
    agrees = 2 * pairing.relabelled <= len(pairing.ids_N)
    is_better = low > gate.margin and scores.units >= MIN_GROUPS and agrees
    needed = images_needed(ours - theirs, low, gate.margin, scores.units, len(pairing.ids_N))
    ours_right_N, theirs_right_N = pairing.candidate.is_right_N, pairing.current.is_right_N
    only_ours, only_theirs = (
        int((ours_right_N & ~theirs_right_N).sum()),
        int((theirs_right_N & ~ours_right_N).sum()),
    )
    sign = -1 if gate.metric is Metric.LOG_LOSS else 1
    return Comparison(
        **facts,
        groups=scores.units,
        candidate=sign * ours,
        current=sign * theirs,
        difference=ours - theirs,
        ci95=(low, high),
        mcnemar=McNemar(
            only_candidate_right=only_ours,
            only_current_right=only_theirs,
            p_value=mcnemar_p_value(only_ours, only_theirs),
        ),
        is_better=is_better,
        images_needed=None if is_better else needed,
    )


def _reference(manifest: Manifest) -> ComparedModel:
    return ComparedModel(id=manifest.id, name=manifest.name, version=manifest.version)
