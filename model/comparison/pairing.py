"""Finds the test images on which two models can be compared, and what both answer for them."""
# ruff: noqa: N803, N815 - shapes in names: rows_N

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.artifact.manifest import Manifest
from model.comparison.ancestry import ancestry_of
from model.comparison.result import LeftOut
from model.comparison.seen_images import find_seen
from model.comparison.statistics import PairedScores
from model.data.built_in.facts import BUILT_IN
from model.evaluation.image_results import ImageResults, image_results
from model.evaluation.stored_predictions import StoredPredictions
from model.spec import Metric
from model.storage.interface import Storage


@dataclass(frozen=True)
class PredictedModel:
    """A model and its predictions for the test split of its dataset."""

    manifest: Manifest
    predictions: StoredPredictions


@dataclass(frozen=True)
class Pairing:
    """The images on which two models are compared, N of them, in the order of the candidate's test split."""

    classes: list[str]
    """The classes of the candidate."""
    ids_N: NDArray[np.str_]
    """In the candidate's dataset."""
    labels_N: NDArray[np.int64]
    """In `classes`, as the candidate's dataset has them."""
    candidate: ImageResults | None
    """The answers of the candidate; None without images."""
    current: ImageResults | None
    current_classes: list[str]
    units_N: NDArray[np.int64]
    left_out: LeftOut
    relabelled: int

    def scores(self, metric: Metric) -> PairedScores:
        """Return what both models score on each image; higher is better."""
        assert self.candidate is not None  # noqa: S101 - the caller has images
        assert self.current is not None  # noqa: S101
        pair = (self.candidate, self.current)
        is_loss, by_class = metric is Metric.LOG_LOSS, metric is Metric.BALANCED_ACCURACY
        candidate_N, current_N = (
            -one.loss_N if is_loss else one.is_right_N.astype(np.float64) for one in pair
        )
        classes_N = self.labels_N if by_class else np.zeros_like(self.labels_N)
        return PairedScores(candidate_N, current_N, classes_N, self.units_N)


def pair_models(candidate: PredictedModel, current: PredictedModel, storage: Storage) -> Pairing:
    """Pair the predictions of two models for the images that are in the test splits of both.

    A dataset keeps its test images, and images that are nearly the same, out of its training. So an image in both test
    splits was trained on by neither model; those that an ancestor by `init_from` was trained on are left out. The label
    of an image is that in the candidate's dataset.

    Raises:
        StorageError: storage fails.
    """
    places = {key: place for place, key in enumerate(_keys(current))}
    ours_N, theirs_N = _common_places(_keys(candidate), places)
    left_out = {
        "only_candidate": len(candidate.predictions) - len(ours_N),
        "only_current": len(current.predictions) - len(ours_N),
    }
    for reason, is_out_N in _reasons(candidate, current, candidate.predictions.ids_N[ours_N], storage):
        left_out[reason] = left_out.get(reason, 0) + int(is_out_N.sum())
        ours_N, theirs_N = ours_N[~is_out_N], theirs_N[~is_out_N]
    their_number = {name: number for number, name in enumerate(current.manifest.classes)}
    numbers_K = np.array([their_number.get(name, -1) for name in candidate.manifest.classes])
    is_known_N = numbers_K[candidate.predictions.labels_N[ours_N]] >= 0
    left_out["unknown_label"] = int((~is_known_N).sum())
    ours_N, theirs_N = ours_N[is_known_N], theirs_N[is_known_N]

    ours, theirs = _rows(candidate.predictions, ours_N), _rows(current.predictions, theirs_N)
    labels_in_current_N = numbers_K[ours.labels_N]
    return Pairing(
        classes=candidate.manifest.classes,
        ids_N=ours.ids_N,
        labels_N=ours.labels_N,
        candidate=_results(ours, candidate.manifest),
        current=_results(replace(theirs, labels_N=labels_in_current_N), current.manifest),
        current_classes=current.manifest.classes,
        units_N=_merge_groups(ours.groups_N, theirs.groups_N),
        left_out=LeftOut.model_validate(left_out),
        relabelled=int((theirs.labels_N != labels_in_current_N).sum()),
    )


def _keys(model: PredictedModel) -> list[str]:
    """Return what names each image among those of all datasets: built-in ones number their images alike."""
    dataset = model.manifest.dataset.id
    prefix = f"{dataset}:" if dataset in BUILT_IN else ""
    return [prefix + image_id for image_id in model.predictions.ids_N.tolist()]


def _common_places(keys: list[str], places: dict[str, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    pairs = [(ours, places[key]) for ours, key in enumerate(keys) if key in places]
    pairs_N2 = np.array(pairs, np.intp).reshape(-1, 2)
    return pairs_N2[:, 0], pairs_N2[:, 1]


def _reasons(
    candidate: PredictedModel, current: PredictedModel, ids_N: NDArray[np.str_], storage: Storage
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return why images are left out because of ancestors; each array is of the images that the ones before leave."""
    ancestries = [ancestry_of(model.manifest, storage) for model in (candidate, current)]
    own = {candidate.manifest.dataset.id, current.manifest.dataset.id}
    datasets = frozenset().union(*(ancestry.datasets for ancestry in ancestries)) - own
    seen = find_seen(datasets, candidate.manifest.dataset.id, ids_N, storage)
    has_unknown = seen.has_unknown or any(ancestry.has_unknown for ancestry in ancestries)
    near_N = seen.near_N[~seen.trained_N]
    rest = int((~near_N).sum())
    return [
        ("trained_on", seen.trained_N),
        ("near_training", near_N),
        ("unknown_ancestor", np.full(rest, has_unknown)),
    ]


def _rows(predictions: StoredPredictions, rows_N: NDArray[np.intp]) -> StoredPredictions:
    return StoredPredictions(
        predictions.logits_NK[rows_N],
        predictions.labels_N[rows_N],
        predictions.groups_N[rows_N],
        predictions.ids_N[rows_N],
    )


def _results(predictions: StoredPredictions, manifest: Manifest) -> ImageResults | None:
    return image_results(predictions, manifest.temperature) if len(predictions) else None


def _merge_groups(first_N: NDArray[np.int32], second_N: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number the groups from 0: images that either dataset has in one group are in one group."""
    parent = list(range(len(first_N)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    for groups_N in (first_N, second_N):
        first_of: dict[int, int] = {}
        sizes = Counter(groups_N.tolist())
        for place, group in enumerate(groups_N.tolist()):
            if group >= 0 and sizes[group] > 1:
                parent[root(place)] = root(first_of.setdefault(group, place))
    return np.unique([root(place) for place in range(len(parent))], return_inverse=True)[1].astype(np.int64)
