"""From which models the weights of a model come, and what those were trained on."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from model.artifact.manifest import ANCESTORS, BUILT_IN_ORIGIN, ID_PATTERN, MANIFEST_FILE, Manifest, model_key
from model.errors import ObjectMissingError
from model.storage.interface import Storage

_MAX_ANCESTORS = 1000
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class Ancestor(BaseModel):
    """A model from whose weights another one started, at once or through others."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    dataset: Id | None
    """What it was trained on; None when the model was deleted before anybody noted it."""
    built_in_origin: str | None = None
    """The built-in dataset from which that dataset comes."""


@dataclass(frozen=True)
class Ancestry:
    """The ancestors of one model."""

    ancestors: tuple[Ancestor, ...]

    @property
    def datasets(self) -> frozenset[str]:
        """The ids of the datasets that ancestors were trained on, as far as they are known."""
        return frozenset(one.dataset for one in self.ancestors if one.dataset)

    @property
    def has_unknown(self) -> bool:
        """Whether there is an ancestor of which nothing is known."""
        return any(one.dataset is None for one in self.ancestors)


_ANCESTORS: TypeAdapter[tuple[Ancestor, ...]] = TypeAdapter(tuple[Ancestor, ...])


def ancestry_of(manifest: Manifest, storage: Storage) -> Ancestry:
    """Return the ancestors of a published model; raises StorageError when storage fails."""
    noted = manifest.lineage.get(ANCESTORS)
    if noted is not None:
        try:
            return Ancestry(_ANCESTORS.validate_python(noted))
        except ValidationError:
            return Ancestry((Ancestor(model="", dataset=None),))
    return ancestry_from(manifest.spec.init_from, storage)


def ancestry_from(init_from: str | None, storage: Storage) -> Ancestry:
    """Return the ancestors of a model that starts from the weights of this model."""
    found: list[Ancestor] = []
    while init_from is not None and len(found) < _MAX_ANCESTORS:
        try:
            parent = Manifest.model_validate_json(storage.read_bytes(model_key(init_from, MANIFEST_FILE)))
        except (ObjectMissingError, ValidationError):
            found.append(Ancestor(model=init_from, dataset=None))
            break
        origin = parent.lineage.get(BUILT_IN_ORIGIN)
        known = origin if isinstance(origin, str) else None
        found.append(Ancestor(model=init_from, dataset=parent.dataset.id, built_in_origin=known))
        if ANCESTORS in parent.lineage:
            found += ancestry_of(parent, storage).ancestors
            break
        init_from = parent.spec.init_from
    return Ancestry(tuple(found))
