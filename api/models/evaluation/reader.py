"""Reads evaluations and the images behind them from storage. Knows no HTTP and no network of a model.

Imports numpy only when images are asked for."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from api.http.errors import invalid_field
from api.models.evaluation.queries import ImageQuery, ImageResult, NoSuchResultError, Order
from api.models.evaluation.sources import Source
from api.records.errors import UnknownClassError
from api.records.storages import Storages
from model.artifact.manifest import Manifest
from model.evaluation.evaluation import Evaluation
from model.storage.interface import Storage

if TYPE_CHECKING:
    from api.models.evaluation.results import SplitResults

_TIMEOUT_S = 30.0
"""The predictions of 100,000 images for 1,000 classes have 400 MB."""
_KEPT = 8
"""Results in memory; those of 100,000 images take 8 MB."""


class EvaluationReader:
    """Reads evaluations, and keeps the results of images that were asked for lately."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._kept: OrderedDict[str, SplitResults] = OrderedDict()
        self._reading = threading.Lock()
        """One file of predictions is in memory at a time."""

    async def evaluation(self, project: str, source: Source) -> Evaluation:
        """Return an evaluation.

        Raises:
            NoEvaluationError: an earlier release published the model.
            CorruptArtifactError: the stored evaluation is damaged.
        """
        return await self._storages.run(source.read_evaluation, self._storages.of(project))

    async def images(
        self,
        project: str,
        source: Source,
        *,
        label: str | None,
        predicted: str | None,
        order: Order,
        after: str,
        limit: int,
    ) -> list[ImageResult]:
        """Return the next images with this label and this predicted class.

        Raises:
            UnknownClassError: the model has no such class.
            InvalidRequestError: `after` is not on the list.
            NoEvaluationError: an earlier release published the model.
            CorruptArtifactError: the stored predictions are damaged.
        """
        manifest = source.manifest
        wanted = ImageQuery(
            _number(manifest, "label", label), _number(manifest, "predicted", predicted), order
        )
        results = await self._storages.run_within(
            _TIMEOUT_S, self._results, self._storages.of(project), source
        )
        try:
            return results.page(wanted, after, limit)
        except NoSuchResultError:
            raise invalid_field(
                "after",
                "Pass the id of the last image that you have; it must be on the list with the same filters.",
            ) from None

    def _results(self, storage: Storage, source: Source) -> "SplitResults":
        from api.models.evaluation.results import SplitResults  # noqa: PLC0415 - the API starts without numpy

        with self._reading:
            kept = self._kept.pop(source.id, None)
            if kept is None:
                manifest = source.manifest
                kept = SplitResults(source.read_predictions(storage), manifest.classes, manifest.temperature)
            self._kept[source.id] = kept
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return kept


def _number(manifest: Manifest, param: str, name: str | None) -> int | None:
    if name is None:
        return None
    if name not in manifest.classes:
        raise UnknownClassError("model", param, manifest.classes)
    return manifest.classes.index(name)
