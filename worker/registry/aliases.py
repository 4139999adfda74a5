"""Aliases: names such as `production` that point at one version of a model, and their history. Sends nothing itself."""

import json
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from worker.errors import AliasNotFoundError, ModelNotFoundError
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, ScriptCall
from worker.registry.models import RegisteredModel, read_model
from worker.registry.scripts import REGISTRY_SCRIPTS

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A lower-case word. `latest` is not an alias: it always means the newest version."""


class AliasChange(BaseModel):
    """One entry of the history of an alias."""

    model_config = ConfigDict(frozen=True)

    alias: str
    at: AwareDatetime
    by: str | None
    from_version: int | None
    to_version: int | None


def list_aliases(name: str, project: str = DEFAULT_PROJECT) -> Commands[dict[str, int]]:
    """List the aliases of a name and their versions.

    Raises:
        ModelNotFoundError: no model was ever published under this name.
    """

    def read(results: list[Any]) -> dict[str, int]:
        is_known, versions = results
        if not is_known:
            raise ModelNotFoundError(name)
        return {alias: int(version) for alias, version in versions.items()}

    commands = (
        ("HEXISTS", scoped(project, redis_keys.LAST_VERSIONS), name),
        ("HGETALL", scoped(project, redis_keys.ALIASES) + name),
    )
    return Commands(commands, read)


def set_alias(
    name: str, alias: Alias, version: int, by: str | None, project: str = DEFAULT_PROJECT
) -> ScriptCall[RegisteredModel]:
    """Point an alias at a version and return the model of that version.

    Raises:
        ModelNotFoundError: the name has no such version.
    """
    arguments = {
        "project": project,
        "name": name,
        "alias": alias,
        "version": str(version),
        "by": json.dumps(by),
    }
    return REGISTRY_SCRIPTS.call("set_alias", arguments, read_model)


def delete_alias(name: str, alias: Alias, by: str | None, project: str = DEFAULT_PROJECT) -> ScriptCall[None]:
    """Delete an alias; the model stays.

    Raises:
        AliasNotFoundError: the name has no such alias.
    """
    arguments = {"project": project, "name": name, "alias": alias, "by": json.dumps(by)}
    return REGISTRY_SCRIPTS.call("set_alias", arguments, lambda _: None)


def alias_history(name: str, alias: Alias, project: str = DEFAULT_PROJECT) -> Commands[list[AliasChange]]:
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

    return Commands((("LRANGE", scoped(project, redis_keys.ALIAS_HISTORY) + name, 0, -1),), read)


def production_names(project: str = DEFAULT_PROJECT) -> Commands[list[str]]:
    """List the names that have a production model."""
    key = scoped(project, redis_keys.PRODUCTION_NAMES)
    return Commands((("SMEMBERS", key),), lambda results: sorted(results[0]))
