"""/models/{name}/aliases/{alias}: read, move, roll back and delete an alias, and read its history."""

import hashlib
import re
from typing import Annotated, TypedDict

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, WithJsonSchema

from api.http.bodies import json_body_docs, read_json
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.models.alias_schemas import Alias, AliasChange, AliasTarget, Reason, RollbackRequest
from api.models.promotion import GatedPromotions, check_classes
from api.models.routes import Registry
from model.spec import Name
from worker.queue.calls.requests import Idempotency
from worker.registry.aliases import Expectation

router = APIRouter(prefix="/models", tags=["models"])

_ALIAS_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CHANGE_ID = re.compile(r"chg_[1-9][0-9]{0,8}")


def _check_alias(alias: str) -> str:
    if not _ALIAS_NAME.fullmatch(alias):
        raise ValueError(
            "an alias has 1 to 32 lower-case letters a to z, digits, hyphens and underscores, and begins with a letter"
        )
    if alias == "latest":
        raise ValueError("latest always means the newest version: choose another alias")
    return alias


def _check_change_id(change_id: str) -> str:
    if not _CHANGE_ID.fullmatch(change_id):
        raise ValueError("pass the id of the last change that you have: chg_…")
    return change_id


AliasName = Annotated[
    str,
    AfterValidator(_check_alias),
    WithJsonSchema({"type": "string", "pattern": f"^{_ALIAS_NAME.pattern}$"}),
]
AfterChange = Annotated[After, AfterValidator(_check_change_id)]

_ALIAS = "/{name}/aliases/{alias}"


@router.get(_ALIAS, operation_id="get_alias", summary="The version of an alias", responses=problems(404))
async def get_alias(models: Registry, caller: Caller, name: Name, alias: AliasName) -> Alias:
    """The version that an alias points at, the change that made it so, and the version to which a rollback leads."""
    return Alias.of(await models.get_alias(name, alias, caller.project), alias)


@router.put(
    _ALIAS,
    operation_id="set_alias",
    summary="Promote",
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra=json_body_docs(
        AliasTarget,
        third={"version": 3},
        careful={"version": 3, "expected_version": 2, "reason": "trained on the new photos"},
        gated={"version": 3, "if_better": {"metric": "balanced_accuracy", "margin": 0.01}},
        unsure={"version": 3, "min_scores": {"*": 0.6, "cat": 0.8}},
    ),
)
async def set_alias(
    request: Request,
    models: Registry,
    promotions: Annotated[GatedPromotions, from_app(GatedPromotions)],
    caller: Caller,
    *,
    name: Name,
    alias: AliasName,
) -> Alias:
    """Point an alias at a version; the next request already uses that version."""
    target = await read_json(request, AliasTarget)
    by, project = caller.name, caller.project
    await check_classes(models, name, target, project)
    notes = _Notes(expected=_expectation(target), reason=target.reason, min_scores=target.min_scores)
    if target.if_better:
        state = await promotions.promote(
            name, alias, target.version, target.if_better, by=by, project=project, **notes
        )
    else:
        state = await models.set_alias(name, alias, target.version, by, project, **notes)
    return Alias.of(state, alias)


class _Notes(TypedDict):
    expected: Expectation | None
    reason: str | None
    min_scores: dict[str, float] | None


def _expectation(body: AliasTarget | RollbackRequest) -> Expectation | None:
    return Expectation(body.expected_version) if "expected_version" in body.model_fields_set else None


@router.delete(
    _ALIAS,
    operation_id="delete_alias",
    summary="Delete an alias",
    status_code=204,
    responses=problems(404),
)
async def delete_alias(
    models: Registry,
    caller: Caller,
    name: Name,
    alias: AliasName,
    reason: Annotated[Reason | None, Query(description="Why, for the history.")] = None,
) -> None:
    """Delete an alias; the model and the alias's history stay."""
    await models.delete_alias(name, alias, caller.name, caller.project, reason=reason)


@router.get(
    _ALIAS + "/history",
    operation_id="list_alias_changes",
    summary="The history of an alias",
    responses=problems(404),
)
async def list_alias_changes(
    models: Registry,
    caller: Caller,
    name: Name,
    *,
    alias: AliasName,
    limit: Limit = 20,
    after: AfterChange | None = None,
) -> Page[AliasChange]:
    """Who moved the alias when, from where to where, and why; the newest change first. It outlives alias and models."""
    number = int(after.removeprefix("chg_")) if after else None
    page = await models.alias_history(name, alias, limit=limit, after=number, project=caller.project)
    return Page(data=[AliasChange.of(change) for change in page.changes], has_more=page.has_more)


@router.post(
    _ALIAS + "/rollback",
    operation_id="roll_back_alias",
    summary="Roll back",
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra=json_body_docs(
        RollbackRequest, plain={}, careful={"expected_version": 3, "reason": "too many errors"}
    ),
)
async def roll_back_alias(
    request: Request,
    models: Registry,
    caller: Caller,
    name: Name,
    *,
    alias: AliasName,
    idempotency_key: IdempotencyKey = None,
) -> Alias:
    """Point the alias at the version before its present one; a further rollback goes further back.

    Deleted versions are skipped. An alias that was deleted gets its last version again.
    """
    body = await read_json(request, RollbackRequest)
    state = await models.roll_back_alias(
        name,
        alias,
        caller.name,
        caller.project,
        expected=_expectation(body),
        reason=body.reason,
        idempotency=Idempotency(idempotency_key, _hash(name, alias, body)) if idempotency_key else None,
    )
    return Alias.of(state, alias)


def _hash(name: str, alias: str, body: RollbackRequest) -> str:
    text = f"{name} {alias} {body.model_dump_json(exclude_unset=True)}"
    return hashlib.sha256(text.encode()).hexdigest()
