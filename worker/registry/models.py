"""Models by id, name, version and alias; all but the aliases can be rebuilt from manifests in storage."""

import json
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest
from model.storage import Storage
from worker.errors import ModelNotFoundError
from worker.queue.changes import now
from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import AsyncFace, BlockingFace, Call, Reply, awaited, blocking

PRODUCTION = "production"

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A lower-case word; `latest` always means the newest version."""

_NAMED_REF = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]{0,63})"
    r"(:(?P<version>[1-9]\d{0,8}|latest)|@(?P<alias>[a-z][a-z0-9_-]{0,31}))?"
)


class RegisteredModel(BaseModel):
    """A published model and the aliases that point at it now."""

    model_config = ConfigDict(frozen=True)

    manifest: Manifest
    aliases: list[str]
    alias: str | None = None
    """The one that it was found by."""


class AliasChange(BaseModel):
    """One line of an alias's history."""

    model_config = ConfigDict(frozen=True)

    alias: str
    at: AwareDatetime
    by: str | None
    from_version: int | None
    to_version: int | None


@dataclass(frozen=True)
class ModelPage:
    """A page of models, newest first; the next one comes `after` the last of these."""

    models: list[RegisteredModel]
    has_more: bool


def resolve(ref: str) -> Call[RegisteredModel]:
    """Find the model behind `mdl_…`, `name`, `name:3`, `name:latest` or `name@alias`.

    Raises:
        ModelNotFoundError: there is none, or the reference has no such form.
        NoProductionError: a bare name of which no version is in production.
    """
    return Call("resolve_model", (ref, *_parse(ref)), _read_resolved)


def _parse(ref: str) -> tuple[str, str, str]:
    """What kind of reference, the name or id, and the version or alias."""
    if ref.startswith("mdl_"):
        return "id", ref, ""
    match = _NAMED_REF.fullmatch(ref)
    if match is None:
        raise ModelNotFoundError(ref)
    if match["version"] == "latest":
        return "latest", match["name"], ""
    if match["version"]:
        return "version", match["name"], match["version"]
    return "alias", match["name"], match["alias"] or PRODUCTION


def _read_resolved(reply: Reply) -> RegisteredModel:
    return _read_model(reply).model_copy(update={"alias": reply[1] or None})


def _read_model(reply: Reply) -> RegisteredModel:
    return RegisteredModel.model_validate_json(reply[0])


def list_models(name: str | None = None, *, limit: int = 20, after: str = "") -> Call[ModelPage]:
    """A page of all models, or of one name's, newest first."""
    index = redis_keys.MODELS_BY_NAME + name if name else redis_keys.MODELS

    def read(reply: Reply) -> ModelPage:
        models = [RegisteredModel.model_validate_json(model) for model in reply]
        return ModelPage(models[:limit], len(models) > limit)

    return Call("list_models", (index, limit + 1, after), read)


def aliases(name: str) -> Call[dict[str, int]]:
    """A name's aliases and the versions that they point at.

    Raises:
        ModelNotFoundError: no model was ever published under this name.
    """
    return Call("aliases", (name,), lambda reply: dict(zip(reply[::2], map(int, reply[1::2]), strict=True)))


def set_alias(name: str, alias: Alias, version: int, by: str | None) -> Call[RegisteredModel]:
    """Point an alias at a version; the answer is the model that it now names.

    Raises:
        ModelNotFoundError: there is no such version.
    """
    return Call("set_alias", (name, alias, version, json.dumps(by), now()), _read_model)


def delete_alias(name: str, alias: Alias, by: str | None) -> Call[None]:
    """Take an alias away; the model stays.

    Raises:
        AliasNotFoundError: there is none.
    """
    return Call("set_alias", (name, alias, "", json.dumps(by), now()), lambda _: None)


def alias_history(name: str, alias: Alias) -> Call[list[AliasChange]]:
    """Who moved an alias, when, from which version and to which; oldest first.

    Raises:
        AliasNotFoundError: it never existed.
    """
    return Call(
        "alias_history",
        (name, alias),
        lambda reply: [AliasChange.model_validate_json(line) for line in reply],
    )


def production_names() -> Call[list[str]]:
    """The names that have a production model."""
    return Call("production_names", (), lambda reply: reply)


def retire(model_id: str) -> Call[None]:
    """Begin to delete: from now on nothing finds the model or can point at it.

    The caller then deletes its manifest, then its other files, and then calls `forget`; all of that can be repeated.

    Raises:
        ModelNotFoundError: there is none.
        ModelInUseError: an alias points at it.
    """
    return Call("retire_model", (model_id,), lambda _: None)


def forget(model_id: str) -> Call[None]:
    """End a deletion: the files are gone."""
    return Call("forget_model", (model_id,), lambda _: None)


def retired() -> Call[list[str]]:
    """The ids of the models whose deletion has begun and not ended."""
    return Call("retired_models", (), lambda reply: reply)


def is_empty() -> Call[bool]:
    """Whether no model was ever entered here."""
    return Call("registry_size", (), lambda reply: int(reply[0]) == 0)


def register(manifest_json: str) -> Call[bool]:
    """Enter a published model again from its manifest; False when it is known or being deleted."""
    manifest = Manifest.model_validate_json(manifest_json)
    arguments = (manifest.id, manifest.name, manifest.version, manifest_json)
    return Call("register_model", arguments, lambda reply: reply[0] == "new")


class ModelRegistry(BlockingFace):
    """The registry over a blocking client."""

    resolve = blocking(resolve)
    list_models = blocking(list_models)
    aliases = blocking(aliases)
    set_alias = blocking(set_alias)
    delete_alias = blocking(delete_alias)
    alias_history = blocking(alias_history)
    production_names = blocking(production_names)
    retire = blocking(retire)
    forget = blocking(forget)
    retired = blocking(retired)
    register = blocking(register)
    is_empty = blocking(is_empty)

    def reindex(self, storage: Storage) -> int:
        """Enter every model that is whole in storage and not known; the answer is how many.

        A manifest without weights is no model: its deletion was cut short, or raced with a late publish.
        """
        keys = set(storage.list("models/"))
        folders = {key.removesuffix(MANIFEST_FILE) for key in keys if key.endswith(f"/{MANIFEST_FILE}")}
        whole = sorted(folder for folder in folders if folder + WEIGHTS_FILE in keys)
        return sum(self.register(storage.read_bytes(folder + MANIFEST_FILE).decode()) for folder in whole)

    def reindex_if_empty(self, storage: Storage) -> int:
        """The same, but only when no model was ever entered: after the loss of Redis, or at the very first start."""
        return self.reindex(storage) if self.is_empty() else 0


class AsyncModelRegistry(AsyncFace):
    """The registry over an asyncio client."""

    resolve = awaited(resolve)
    list_models = awaited(list_models)
    aliases = awaited(aliases)
    set_alias = awaited(set_alias)
    delete_alias = awaited(delete_alias)
    alias_history = awaited(alias_history)
    production_names = awaited(production_names)
    retire = awaited(retire)
    forget = awaited(forget)
