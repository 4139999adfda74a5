"""What the shadow of a model answered beside production: counts and disagreements, for each pair of models. Sends nothing itself.

The keys of a pair expire, so that those of pairs that no longer answer, or whose models were deleted, need no deletion.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, ScriptCall
from worker.redis_server.timestamps import Timestamp
from worker.registry.scripts import REGISTRY_SCRIPTS

SHADOW = "shadow"
"""The alias of the model whose answers are only compared with production's."""
MOST_DISAGREEMENTS = 1000
_EXPIRE_S = 30 * 86_400
_CONFUSION = "confusion:"


@dataclass(frozen=True)
class Pair:
    """A model in production and its shadow, by their ids."""

    production: str
    shadow: str

    @property
    def key(self) -> str:
        """How the pair is named in keys."""
        return f"{self.production}:{self.shadow}"


@dataclass(frozen=True)
class KeptImages:
    """How many images of disagreements are kept, how large they are together, and for how long."""

    images: int
    """0: none are kept."""
    size_bytes: int
    seconds: float


class ShadowAnswer(BaseModel):
    """A label and its score."""

    model_config = ConfigDict(frozen=True, extra="allow")

    label: str
    score: float


class Disagreement(BaseModel):
    """An image for which the shadow gave another label than production."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    production: ShadowAnswer
    shadow: ShadowAnswer
    image_bytes: int = 0
    """Size of the image; 0 when it was not kept."""


class StoredDisagreement(Disagreement):
    """A disagreement as it was recorded."""

    at: Timestamp


@dataclass(frozen=True)
class ShadowCounts:
    """What happened to the images that the shadow was to answer."""

    since: str | None
    compared: int
    agreed: int
    dropped: int
    """Not answered, because production needed the predictor."""
    failed: int
    confusions: Mapping[tuple[str, str], int]
    """Images by the labels of production and shadow, where they differ."""


_DISAGREEMENT: TypeAdapter[StoredDisagreement] = TypeAdapter(StoredDisagreement)


def note_shadow(
    pair: Pair,
    counts: Mapping[str, int],
    disagreements: Sequence[Disagreement],
    kept: KeptImages,
    project: str = DEFAULT_PROJECT,
) -> ScriptCall[list[str]]:
    """Add counts (`compared`, `agreed`, `dropped`, `failed`) and disagreements; return the ids of images to delete."""
    confusions = [
        f"{_CONFUSION}{json.dumps([one.production.label, one.shadow.label])}" for one in disagreements
    ]
    arguments = {
        "project": project,
        "pair": pair.key,
        "counts": {**counts, **{name: confusions.count(name) for name in confusions}},
        "disagreements": [
            {"id": one.id, "image_bytes": one.image_bytes, "json": one.model_dump_json()}
            for one in disagreements
        ],
        "most": MOST_DISAGREEMENTS,
        "keep_images": kept.images,
        "keep_bytes": kept.size_bytes,
        "keep_s": kept.seconds,
        "expire_s": _EXPIRE_S,
    }
    return REGISTRY_SCRIPTS.call("note_shadow", arguments, lambda reply: reply)


def shadow_counts(pair: Pair, project: str = DEFAULT_PROJECT) -> Commands[ShadowCounts | None]:
    """Read the counts of a pair; None when its shadow has answered nothing yet."""

    def read(results: list[Any]) -> ShadowCounts | None:
        fields: dict[str, str] = results[0]
        if not fields:
            return None
        numbers = {name: int(fields.get(name, 0)) for name in ("compared", "agreed", "dropped", "failed")}
        confusions = {
            tuple(json.loads(name.removeprefix(_CONFUSION))): int(number)
            for name, number in fields.items()
            if name.startswith(_CONFUSION)
        }
        return ShadowCounts(since=fields["since"], **numbers, confusions=confusions)

    return Commands((("HGETALL", scoped(project, redis_keys.SHADOW) + pair.key),), read)


def shadow_disagreements(
    pair: Pair, project: str = DEFAULT_PROJECT
) -> Commands[tuple[list[StoredDisagreement], set[str]]]:
    """Read the kept disagreements of a pair, newest first, and the ids of those whose image is kept."""

    def read(results: list[Any]) -> tuple[list[StoredDisagreement], set[str]]:
        entries, images = results
        return list(map(_DISAGREEMENT.validate_json, entries)), {json.loads(one)["id"] for one in images}

    commands = (
        ("LRANGE", scoped(project, redis_keys.SHADOW_DISAGREEMENTS) + pair.key, 0, -1),
        ("LRANGE", scoped(project, redis_keys.SHADOW_IMAGES) + pair.key, 0, -1),
    )
    return Commands(commands, read)


def image_key(pair: Pair, disagreement_id: str) -> str:
    """Return the storage key of an image; it is among the files of the shadow's model, and is deleted with that model."""
    return f"models/{pair.shadow}/{SHADOW}/{pair.production}/{disagreement_id}"
