"""What a model answers for each image of a split, and which of the images are asked for. Knows no storage."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from api.models.evaluation.queries import ImageQuery, ImageResult, NoSuchResultError, Order
from model.evaluation.image_results import ImageResults, image_results
from model.evaluation.stored_predictions import StoredPredictions


class SplitResults:
    """The results of a split, without the logits."""

    def __init__(self, predictions: StoredPredictions, classes: Sequence[str], temperature: float) -> None:
        self._classes = list(classes)
        self._ids_N = np.char.encode(predictions.ids_N, "ascii")
        self._labels_N = predictions.labels_N.copy()  # not a view, which would keep the logits
        self._results: ImageResults = image_results(predictions, temperature)

    def page(self, wanted: ImageQuery, after: str, limit: int) -> list[ImageResult]:
        """Return the next images that are wanted.

        Args:
            wanted: which images, and their order.
            after: the id of the last image of the page before, or `""`.
            limit: the most images to return.

        Raises:
            NoSuchResultError: no wanted image has the id `after`.
        """
        indices = self._find(wanted)
        if after:
            places = np.flatnonzero(self._ids_N[indices] == after.encode())
            if not len(places):
                raise NoSuchResultError
            indices = indices[places[0] + 1 :]
        return [self._result(int(index)) for index in indices[:limit]]

    def _find(self, wanted: ImageQuery) -> NDArray[np.intp]:
        """Return the numbers of the wanted images, in their order."""
        is_wanted_N = np.ones(len(self._labels_N), bool)
        if wanted.label is not None:
            is_wanted_N &= self._labels_N == wanted.label
        if wanted.predicted is not None:
            is_wanted_N &= self._results.predicted_N == wanted.predicted
        indices = np.flatnonzero(is_wanted_N)
        losses = self._results.loss_N[indices]
        return indices[np.argsort(-losses if wanted.order is Order.WORST else losses, kind="stable")]

    def _result(self, index: int) -> ImageResult:
        results = self._results
        return ImageResult(
            image=self._ids_N[index].decode(),
            label=self._classes[self._labels_N[index]],
            predicted=self._classes[results.predicted_N[index]],
            score=float(results.score_N[index]),
            label_score=float(results.label_score_N[index]),
            label_rank=int(results.label_rank_N[index]) + 1,
        )
