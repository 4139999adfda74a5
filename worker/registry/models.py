"""Models by id, name and version: references, pages, registration, deletion. Sends nothing itself."""

import re
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from model.artifact.manifest import Manifest
from worker.errors import ModelNotFoundError
from worker.queue.states import TERMINAL, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, Reply, ScriptCall
from worker.registry.scripts import REGISTRY_SCRIPTS

PRODUCTION = "production"

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
    min_scores: dict[str, float] = {}
    """The least score of each class for answers through this alias; `*` is for the other classes."""


@dataclass(frozen=True)
class ModelPage:
    """A page of models, newest first. Pass the id of the last model as `after` for the next page."""

    models: list[RegisteredModel]
    has_more: bool


def resolve(ref: str | None, project: str = DEFAULT_PROJECT) -> ScriptCall[RegisteredModel]:
    """Find the model of a reference: `mdl_…`, `name`, `name:3`, `name:latest` or `name@alias`; `None`: the only one in production.

    Raises:
        NoModelError: there is no reference, and no model in production.
        ModelRequiredError: there is no reference, and several models are in production.
        ModelNotFoundError: the reference is malformed, or no such model exists.
        NoProductionError: the reference is a bare name, and no version of it is in production.
    """
    selector, name, value = _parse(ref) if ref is not None else ("only", "", "")
    arguments = {"project": project, "ref": ref, "selector": selector, "name": name, "value": value}
    return REGISTRY_SCRIPTS.call("resolve_model", arguments, _read_resolved)


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
    return _read_again(reply[0]).model_copy(update={"alias": reply[1] or None})


@lru_cache(maxsize=32)
def _read_again(model: str) -> RegisteredModel:
    """Parse a model that was perhaps read before: requests resolve the same few models again and again.

    A prediction spends 60 us on it otherwise. The fields are frozen, and what they hold is not changed by anyone.
    """
    return RegisteredModel.model_validate_json(model)


def read_model(reply: Reply) -> RegisteredModel:
    """Parse a reply that is one model."""
    return RegisteredModel.model_validate_json(reply[0])


def list_models(
    name: str | None = None, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[ModelPage]:
    """List all models, or the models of one name, newest first."""
    by_name, every = (scoped(project, key) for key in (redis_keys.MODELS_BY_NAME, redis_keys.MODELS))
    return _page_of(by_name + name if name else every, limit, after, project)


def list_models_of_dataset(
    dataset_id: str, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[ModelPage]:
    """List the models that were trained on a dataset, newest first; those of earlier releases are not found."""
    return _page_of(scoped(project, redis_keys.MODELS_BY_DATASET) + dataset_id, limit, after, project)


def _page_of(index: str, limit: int, after: str, project: str) -> ScriptCall[ModelPage]:
    def read(reply: Reply) -> ModelPage:
        models = [RegisteredModel.model_validate_json(model) for model in reply]
        return ModelPage(models[:limit], len(models) > limit)

    return REGISTRY_SCRIPTS.call(
        "list_models", {"project": project, "index": index, "limit": limit + 1, "after": after}, read
    )


def begin_deletion(model_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[None]:
    """Hide a model from every list, reference and alias, as the first step of its deletion.

    The caller then deletes the manifest, then the other files, and then calls `end_deletion`. Each step can be repeated.

    Raises:
        ModelNotFoundError: no model has this id.
        ModelInUseError: an alias points at the model, or an evaluation that has not ended needs it.
    """
    arguments = {"project": project, "model_id": model_id, "live": sorted(set(Status) - TERMINAL)}
    return REGISTRY_SCRIPTS.call("retire_model", arguments, lambda _: None)


def end_deletion(model_id: str, project: str = DEFAULT_PROJECT) -> Commands[None]:
    """Delete the record of a model whose files are deleted."""
    commands = (
        ("DEL", scoped(project, redis_keys.MODEL) + model_id),
        ("SREM", scoped(project, redis_keys.RETIRED_MODELS), model_id),
    )
    return Commands(commands, lambda _: None)


def unfinished_deletions(project: str = DEFAULT_PROJECT) -> Commands[list[str]]:
    """List the ids of the models whose deletion has begun but not ended."""
    key = scoped(project, redis_keys.RETIRED_MODELS)
    return Commands((("SMEMBERS", key),), lambda results: sorted(results[0]))


def is_empty(project: str = DEFAULT_PROJECT) -> Commands[bool]:
    """Return True when the registry never had a model."""
    key = scoped(project, redis_keys.LAST_VERSIONS)
    return Commands((("HLEN", key),), lambda results: results[0] == 0)


def register(manifest_json: str, project: str = DEFAULT_PROJECT) -> ScriptCall[bool]:
    """Enter a published model from its manifest. Returns False for a model that is known or being deleted."""
    manifest = Manifest.model_validate_json(manifest_json)
    arguments = {
        "project": project,
        "model_id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "manifest": manifest_json,
    }
    return REGISTRY_SCRIPTS.call("register_model", arguments, lambda reply: reply[0] == "new")
