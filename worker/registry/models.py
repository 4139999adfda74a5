"""The registry of models by id, name, version and alias. Everything but the aliases can be rebuilt from storage."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest
from model.storage.interface import Storage
from worker.errors import AliasNotFoundError, ModelNotFoundError
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.scripts import Commands, Reply, ScriptCall
from worker.redis_server.timestamps import now
from worker.registry.scripts import REGISTRY_SCRIPTS

PRODUCTION = "production"

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A lower-case word. `latest` is not an alias: it always means the newest version."""

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
    """The alias by which a reference found the model."""


class AliasChange(BaseModel):
    """One entry of the history of an alias."""

    model_config = ConfigDict(frozen=True)

    alias: str
    at: AwareDatetime
    by: str | None
    from_version: int | None
    to_version: int | None


@dataclass(frozen=True)
class ModelPage:
    """A page of models, newest first. Pass the id of the last model as `after` for the next page."""

    models: list[RegisteredModel]
    has_more: bool


def resolve(ref: str) -> ScriptCall[RegisteredModel]:
    """Find the model of a reference: `mdl_…`, `name`, `name:3`, `name:latest` or `name@alias`.

    Raises:
        ModelNotFoundError: the reference is malformed, or no such model exists.
        NoProductionError: the reference is a bare name, and no version of it is in production.
    """
    return REGISTRY_SCRIPTS.call("resolve_model", (ref, *_parse(ref)), _read_resolved)


def _parse(ref: str) -> tuple[str, str, str]:
    """Split a reference into its kind, the name or id, and the version or alias."""
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


def list_models(name: str | None = None, *, limit: int = 20, after: str = "") -> ScriptCall[ModelPage]:
    """List all models, or the models of one name, newest first."""
    index = redis_keys.MODELS_BY_NAME + name if name else redis_keys.MODELS

    def read(reply: Reply) -> ModelPage:
        models = [RegisteredModel.model_validate_json(model) for model in reply]
        return ModelPage(models[:limit], len(models) > limit)

    return REGISTRY_SCRIPTS.call("list_models", (index, limit + 1, after), read)


def aliases(name: str) -> Commands[dict[str, int]]:
    """Read the aliases of a name and their versions.

    Raises:
        ModelNotFoundError: no model was ever published under this name.
    """

    def read(results: list[Any]) -> dict[str, int]:
        is_known, versions = results
        if not is_known:
            raise ModelNotFoundError(name)
        return {alias: int(version) for alias, version in versions.items()}

    commands = (("HEXISTS", redis_keys.LAST_VERSIONS, name), ("HGETALL", redis_keys.ALIASES + name))
    return Commands(commands, read)


def set_alias(name: str, alias: Alias, version: int, by: str | None) -> ScriptCall[RegisteredModel]:
    """Point an alias at a version and return the model of that version.

    Raises:
        ModelNotFoundError: the name has no such version.
    """
    arguments = (name, alias, version, json.dumps(by), now())
    return REGISTRY_SCRIPTS.call("set_alias", arguments, _read_model)


def delete_alias(name: str, alias: Alias, by: str | None) -> ScriptCall[None]:
    """Delete an alias; the model stays.

    Raises:
        AliasNotFoundError: the name has no such alias.
    """
    return REGISTRY_SCRIPTS.call("set_alias", (name, alias, "", json.dumps(by), now()), lambda _: None)


def alias_history(name: str, alias: Alias) -> Commands[list[AliasChange]]:
    """Read all changes of an alias, oldest first.

    Raises:
        AliasNotFoundError: the alias never existed.
    """

    def read(results: list[Any]) -> list[AliasChange]:
        changes = [AliasChange.model_validate_json(line) for line in results[0]]
        history = [change for change in changes if change.alias == alias]
        if not history:
            raise AliasNotFoundError(name, alias)
        return history

    return Commands((("LRANGE", redis_keys.ALIAS_HISTORY + name, 0, -1),), read)


def production_names() -> Commands[list[str]]:
    """List the names that have a production model."""
    return Commands((("SMEMBERS", redis_keys.PRODUCTION_NAMES),), lambda results: sorted(results[0]))


def begin_deletion(model_id: str) -> ScriptCall[None]:
    """Hide a model from every list, reference and alias, as the first step of its deletion.

    The caller then deletes the manifest, then the other files, and then calls `end_deletion`. Each step can be repeated.

    Raises:
        ModelNotFoundError: no model has this id.
        ModelInUseError: an alias points at the model.
    """
    return REGISTRY_SCRIPTS.call("retire_model", (model_id,), lambda _: None)


def end_deletion(model_id: str) -> Commands[None]:
    """Delete the record of a model whose files are deleted."""
    commands = (("DEL", redis_keys.MODEL + model_id), ("SREM", redis_keys.RETIRED_MODELS, model_id))
    return Commands(commands, lambda _: None)


def unfinished_deletions() -> Commands[list[str]]:
    """List the ids of the models whose deletion has begun but not ended."""
    return Commands((("SMEMBERS", redis_keys.RETIRED_MODELS),), lambda results: sorted(results[0]))


def is_empty() -> Commands[bool]:
    """Return True when the registry never had a model."""
    return Commands((("HLEN", redis_keys.LAST_VERSIONS),), lambda results: results[0] == 0)


def register(manifest_json: str) -> ScriptCall[bool]:
    """Enter a published model from its manifest. Returns False for a model that is known or being deleted."""
    manifest = Manifest.model_validate_json(manifest_json)
    arguments = (manifest.id, manifest.name, manifest.version, manifest_json)
    return REGISTRY_SCRIPTS.call("register_model", arguments, lambda reply: reply[0] == "new")


class ModelRegistry(StoreClient):
    """The registry of models over a blocking client."""

    resolve = blocking_method(resolve)
    list_models = blocking_method(list_models)
    aliases = blocking_method(aliases)
    set_alias = blocking_method(set_alias)
    delete_alias = blocking_method(delete_alias)
    alias_history = blocking_method(alias_history)
    production_names = blocking_method(production_names)
    begin_deletion = blocking_method(begin_deletion)
    end_deletion = blocking_method(end_deletion)
    unfinished_deletions = blocking_method(unfinished_deletions)
    register = blocking_method(register)
    is_empty = blocking_method(is_empty)

    def reindex(self, storage: Storage) -> int:
        """Enter every complete model in storage that the registry does not know; return the number of new entries.

        A manifest without weights is not a complete model: its deletion was interrupted, or raced with a late publish.
        """
        keys = set(storage.list("models/"))
        folders = {key.removesuffix(MANIFEST_FILE) for key in keys if key.endswith(f"/{MANIFEST_FILE}")}
        complete = sorted(folder for folder in folders if folder + WEIGHTS_FILE in keys)
        return sum(self.register(storage.read_bytes(folder + MANIFEST_FILE).decode()) for folder in complete)

    def reindex_if_empty(self, storage: Storage) -> int:
        """Reindex only when the registry never had a model: at the first start, or after a loss of Redis."""
        return self.reindex(storage) if self.is_empty() else 0


class AsyncModelRegistry(AsyncStoreClient):
    """The registry of models over an asyncio client."""

    resolve = async_method(resolve)
    list_models = async_method(list_models)
    aliases = async_method(aliases)
    set_alias = async_method(set_alias)
    delete_alias = async_method(delete_alias)
    alias_history = async_method(alias_history)
    production_names = async_method(production_names)
    begin_deletion = async_method(begin_deletion)
    end_deletion = async_method(end_deletion)
