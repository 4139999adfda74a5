"""Checks what a manifest says that somebody else wrote: names that are shown, ids that are looked up, numbers that divide."""

import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from model.artifact.manifest import ID_PATTERN, Manifest
from model.data.files.characters import describe_character, is_safe
from model.errors import BundleRejectedError
from model.evaluation.stored_predictions import StoredPredictions

_LONGEST_NAME = 1000
_ID = re.compile(ID_PATTERN)


def check_claims(manifest: Manifest) -> None:
    """Raise BundleRejectedError if a name cannot be shown, an id is none, or images cannot be divided by a number."""
    classes = manifest.classes
    if len(set(classes)) != len(classes) or not all(0 < len(name) <= _LONGEST_NAME for name in classes):
        raise BundleRejectedError(
            f"The classes must differ, and have names of 1 to {_LONGEST_NAME} characters."
        )
    for character in set("".join([*classes, manifest.dataset.name])):
        if not is_safe(character):
            raise BundleRejectedError(
                f"A name of the manifest has the character {describe_character(character)}, which cannot be shown."
            )
    _check_ids(_ids(manifest))
    given = manifest.preprocessing
    fractions = (*given.mean, *given.std)
    if (
        not all(0 <= value <= 1 for value in fractions)
        or not min(given.std)
        or not math.isfinite(manifest.temperature)
    ):
        raise BundleRejectedError(
            "The manifest's mean, std or temperature is not a number that images can be divided by."
        )


def check_image_ids(predictions: StoredPredictions) -> None:
    """Raise BundleRejectedError unless each image has an id of its own."""
    ids = predictions.ids_N.tolist()
    _check_ids(ids)
    if len(np.unique(predictions.ids_N)) != len(ids):
        raise BundleRejectedError("An image is in the stored predictions twice.")


def _ids(manifest: Manifest) -> Iterator[str]:
    yield manifest.dataset.id
    if manifest.spec.init_from is not None:
        yield manifest.spec.init_from
    if manifest.spec.extended_from:
        yield manifest.spec.extended_from.model


def _check_ids(ids: Iterable[str]) -> None:
    if not all(_ID.fullmatch(one) for one in ids):
        raise BundleRejectedError(
            "An id of the bundle is none: ids have 1 to 128 letters a to z, digits, hyphens and underscores."
        )
