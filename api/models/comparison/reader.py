"""Compares published models for the routes, in a thread. Imports numpy only then."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.http.errors import invalid_field
from api.models.comparison.schemas import ModelComparison, Pair, SideModel
from api.records.storages import Storages
from model.artifact.manifest import Manifest
from model.comparison.description import describe
from model.comparison.result import Gate, Setting
from model.comparison.settings import different_settings
from model.errors import CorruptArtifactError, NoEvaluationError, ObjectMissingError
from model.spec import Metric
from model.storage.interface import Storage

if TYPE_CHECKING:
    from model.comparison.differences import DisputedImage

_TIMEOUT_S = 60.0
_KEPT = 8
"""Lists in memory; one of 10,000 images takes 5 MB."""
_UNREADABLE = (NoEvaluationError, CorruptArtifactError, ObjectMissingError)


class ComparisonReader:
    """Compares models."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._kept: OrderedDict[tuple[str, str, str], list[DisputedImage]] = OrderedDict()
        """The lists of which pages were asked for lately. What is published never changes."""
        self._pairing = threading.Lock()
        """Two models are paired at a time."""

    async def compare(self, project: str, models: Sequence[Manifest]) -> ModelComparison:
        """Compare the first model with each of the others; raises StorageError."""
        return await self._storages.run_within(_TIMEOUT_S, _compare, models, self._storages.of(project))

    async def disputed(
        self, project: str, candidate: Manifest, current: Manifest, *, which: str, after: str, limit: int
    ) -> "list[DisputedImage]":
        """Return a page of the images on which two models disagree.

        Raises:
            NoEvaluationError: one of them has no stored predictions.
            InvalidRequestError: no such image has the id `after`.
        """
        storage = self._storages.of(project)
        found = await self._storages.run_within(
            _TIMEOUT_S, self._disputed, candidate, current, which, storage
        )
        places = {one.image: place for place, one in enumerate(found)}
        if after and after not in places:
            raise invalid_field("after", "Pass the id of the last image that you have.")
        begin = places[after] + 1 if after else 0
        return found[begin : begin + limit]

    def _disputed(
        self, candidate: Manifest, current: Manifest, which: str, storage: Storage
    ) -> "list[DisputedImage]":
        key = (candidate.id, current.id, which)
        with self._pairing:
            found = self._kept.pop(key, None)
            if found is None:
                found = _disputed(candidate, current, which, storage)
            self._kept[key] = found
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return found


def _compare(models: Sequence[Manifest], storage: Storage) -> ModelComparison:
    settings = different_settings(models)
    return ModelComparison(
        models=[SideModel.of(manifest) for manifest in models],
        settings=[Setting(name=name, values=values) for name, values in settings.items()],
        pairs=[_pair(models[0], other, storage) for other in models[1:]],
    )


def _pair(candidate: Manifest, current: Manifest, storage: Storage) -> Pair:
    from model.comparison.comparing import compare, pair_published  # noqa: PLC0415 - the API starts without numpy
    from model.comparison.differences import class_differences, disputed_images  # noqa: PLC0415 - as above

    try:
        pairing = pair_published(candidate, current, storage)
    except _UNREADABLE as error:
        return Pair(with_model=current.id, detail=str(error), metrics=[], classes=[], disagreements=0)
    found = [compare(candidate, current, pairing, Gate(metric=metric)) for metric in Metric]
    return Pair(
        with_model=current.id,
        detail=describe(found[0]),
        metrics=found,
        classes=class_differences(pairing),
        disagreements=len(disputed_images(pairing)),
    )


def _disputed(candidate: Manifest, current: Manifest, which: str, storage: Storage) -> "list[DisputedImage]":
    from model.comparison.comparing import pair_published  # noqa: PLC0415 - as above
    from model.comparison.differences import Disagreement, disputed_images  # noqa: PLC0415 - as above

    return disputed_images(pair_published(candidate, current, storage), Disagreement(which))
