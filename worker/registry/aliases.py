"""Aliases: names such as `production` that point at one version of a model, and their history. Sends nothing itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from model.comparison.result import Comparison
from worker.errors import ModelNotFoundError
from worker.queue.calls.requests import Idempotency
from worker.redis_server import keys as redis_keys
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, Reply, ScriptCall
from worker.registry.models import RegisteredModel, read_model
from worker.registry.scripts import REGISTRY_SCRIPTS

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A lower-case word. `latest` is not an alias: it always means the newest version."""


class AliasChange(BaseModel):
    """One entry of the history of an alias: a change, or a promotion that was refused and changed nothing."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(default=0, exclude=True)
    """Its place in the history of its name, from 1. It is not part of the stored entry."""
    alias: str
    at: AwareDatetime
    by: str | None
    from_version: int | None
    to_version: int | None
    reason: str | None = None
    returns_to: int | None = None
    """Of a rollback: the number of the change that set the version before."""
    skipped: list[int] = []
    """Of a rollback: the versions in between, which are deleted."""
    job_id: str | None = None
    """The job whose `promote` asked for it."""
    refused_version: int | None = None
    """Of a promotion that was refused: the version that was not promoted."""
    gate: Comparison | None = None
    """The comparison that decided."""
    min_scores: dict[str, float] | None = None
    """The least scores that were set; None: they stayed."""


@dataclass(frozen=True)
class AliasHistory:
    """A page of the history of an alias, the newest entry first."""

    changes: list[AliasChange]
    has_more: bool


@dataclass(frozen=True)
class AliasState:
    """What an alias points at, how it came to do so, and where a rollback would lead."""

    model: RegisteredModel
    change: AliasChange | None
    previous_version: int | None


@dataclass(frozen=True)
class Expectation:
    """The version at which an alias must point for a change to be made; None: there must be no alias."""

    version: int | None


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


def get_alias(name: str, alias: Alias, project: str = DEFAULT_PROJECT) -> ScriptCall[AliasState]:
    """Read an alias.

    Raises:
        ModelNotFoundError: no model was ever published under this name.
        AliasNotFoundError: the name has no such alias.
    """
    return REGISTRY_SCRIPTS.call("get_alias", {"project": project, "name": name, "alias": alias}, _read_state)


def set_alias(
    name: str,
    alias: Alias,
    version: int,
    by: str | None,
    project: str = DEFAULT_PROJECT,
    *,
    expected: Expectation | None = None,
    reason: str | None = None,
    gate: Comparison | None = None,
    min_scores: Mapping[str, float] | None = None,
) -> ScriptCall[AliasState]:
    """Point an alias at a version. The same change once more, with the same expectation, changes nothing.

    Args:
        name: of the model.
        alias: to set.
        version: at which the alias shall point.
        by: the caller.
        project: of the model.
        expected: where the alias must point now.
        reason: for the history.
        gate: the comparison that allowed it.
        min_scores: replaces the least scores of the alias; None: they stay.

    Raises:
        ModelNotFoundError: the name has no such version.
        AliasMovedError: the alias does not point at the expected version.
    """
    least = None if min_scores is None else json.dumps(min_scores, sort_keys=True, separators=(",", ":"))
    arguments = {
        **_arguments(name, alias, by, project, expected=expected, reason=reason, gate=gate, min_scores=least),
        "version": str(version),
        "min_scores": least,
    }
    return REGISTRY_SCRIPTS.call("set_alias", arguments, _read_state)


def roll_back_alias(
    name: str,
    alias: Alias,
    by: str | None,
    project: str = DEFAULT_PROJECT,
    *,
    expected: Expectation | None = None,
    reason: str | None = None,
    idempotency: Idempotency | None = None,
) -> ScriptCall[AliasState]:
    """Point an alias at the version before its present one; a further rollback goes further back.

    A deleted alias gets its last version again. The same rollback once more, with the same expectation or the same key,
    changes nothing.

    Raises:
        ModelNotFoundError: no model was ever published under this name.
        AliasNotFoundError: the alias never existed.
        AliasMovedError: the alias does not point at the expected version.
        NothingToRollBackToError: no earlier version of the alias exists any more.
        IdempotencyMismatchError: the key was used with another body.
    """
    arguments = {
        **_arguments(name, alias, by, project, expected=expected, reason=reason),
        "idempotency_id": idempotency_id("rollback", project, by, idempotency.key if idempotency else None),
        "body_hash": idempotency and idempotency.body_hash,
        "keep_s": IDEMPOTENCY_KEPT_S,
    }
    return REGISTRY_SCRIPTS.call("roll_back_alias", arguments, _read_state)


def delete_alias(
    name: str, alias: Alias, by: str | None, project: str = DEFAULT_PROJECT, *, reason: str | None = None
) -> ScriptCall[None]:
    """Delete an alias; the model stays.

    Raises:
        AliasNotFoundError: the name has no such alias.
    """
    arguments = _arguments(name, alias, by, project, reason=reason)
    return REGISTRY_SCRIPTS.call("set_alias", arguments, lambda _: None)


def _arguments(
    name: str,
    alias: str,
    by: str | None,
    project: str,
    *,
    expected: Expectation | None = None,
    reason: str | None = None,
    gate: Comparison | None = None,
    min_scores: str | None = None,
) -> dict[str, object]:
    notes = {
        "reason": json.dumps(reason) if reason else None,
        "gate": gate and gate.model_dump_json(),
        "min_scores": min_scores,
    }
    return {
        "project": project,
        "name": name,
        "alias": alias,
        "by": json.dumps(by),
        "expected": expected and str(expected.version or ""),
        "notes": "".join(f',"{name}":{text}' for name, text in notes.items() if text),
    }


def _read_state(reply: Reply) -> AliasState:
    _, number, change, previous = reply
    return AliasState(
        read_model(reply),
        _read_change(number, change) if change else None,
        int(previous) if previous else None,
    )


def _read_change(number: str, text: str) -> AliasChange:
    return AliasChange.model_validate_json(text).model_copy(update={"number": int(number)})


def alias_history(
    name: str, alias: Alias, *, limit: int = 20, after: int | None = None, project: str = DEFAULT_PROJECT
) -> ScriptCall[AliasHistory]:
    """Read the history of an alias, the newest entry first; `after` is the number of the last entry of the page before.

    Raises:
        AliasNotFoundError: the alias never existed.
    """

    def read(reply: Reply) -> AliasHistory:
        changes = list(map(_read_change, reply[::2], reply[1::2]))
        return AliasHistory(changes[:limit], len(changes) > limit)

    arguments = {"project": project, "name": name, "alias": alias, "limit": limit + 1, "after": after}
    return REGISTRY_SCRIPTS.call("list_alias_changes", arguments, read)


def production_names(project: str = DEFAULT_PROJECT) -> Commands[list[str]]:
    """List the names that have a production model."""
    key = scoped(project, redis_keys.PRODUCTION_NAMES)
    return Commands((("SMEMBERS", key),), lambda results: sorted(results[0]))
