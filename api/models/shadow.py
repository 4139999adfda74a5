"""/models/{name}/aliases/shadow/…: how the shadow's answers compare with production's, and where they differ."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.models.errors import NoShadowError, NoSuchDisagreementError
from api.models.routes import Registry
from api.models.shadow_schemas import ShadowDisagreement, ShadowTraffic
from api.records.storages import Storages
from api.settings import ApiSettings
from model.artifact.manifest import Manifest
from model.data.files.bare_images import media_type
from model.errors import ObjectMissingError
from model.spec import Name
from worker.registry.errors import AliasNotFoundError
from worker.registry.models import PRODUCTION
from worker.registry.shadow import SHADOW, Pair, image_key

router = APIRouter(prefix="/models", tags=["models"])

_ALIAS = "/{name}/aliases/shadow"
_AfterDisagreement = Annotated[After, after_id("dis_")]
DisagreementId = Annotated[str, Path(max_length=100, description="dis_…")]


async def _models(models: Registry, caller: Caller, name: Name) -> tuple[Manifest, Manifest]:
    """Return the model in production, and its shadow; raises NoShadowError."""
    try:
        production = await models.get_alias(name, PRODUCTION, caller.project)
        shadow = await models.get_alias(name, SHADOW, caller.project)
    except AliasNotFoundError:
        raise NoShadowError from None
    return production.model.manifest, shadow.model.manifest


@router.get(
    _ALIAS + "/traffic",
    operation_id="get_shadow_traffic",
    summary="How the shadow compares with production",
    responses=problems(404, 409),
)
async def get_shadow_traffic(
    models: Registry,
    settings: Annotated[ApiSettings, from_app(ApiSettings)],
    caller: Caller,
    name: Name,
) -> ShadowTraffic:
    """On how many images of production's traffic the two agreed, since both models have their aliases."""
    production, shadow = await _models(models, caller, name)
    counts = await models.shadow_counts(Pair(production.id, shadow.id), caller.project)
    return ShadowTraffic.of(production, shadow, counts, settings.shadow_fraction)


@router.get(
    _ALIAS + "/disagreements",
    operation_id="list_shadow_disagreements",
    summary="Where the shadow and production disagree",
    responses=problems(404, 409),
)
async def list_shadow_disagreements(
    request: Request,
    models: Registry,
    caller: Caller,
    name: Name,
    *,
    limit: Limit = 20,
    after: _AfterDisagreement | None = None,
) -> Page[ShadowDisagreement]:
    """The newest images for which the two gave different labels; the images themselves where they are kept."""
    production, shadow = await _models(models, caller, name)
    entries, kept = await models.shadow_disagreements(Pair(production.id, shadow.id), caller.project)
    # Ids sort by time: a page begins after an entry also when that entry is no longer kept.
    rest = [entry for entry in entries if after is None or entry.id < after]
    url = f"{root_path(request)}/models/{name}/aliases/shadow/disagreements"
    data = [ShadowDisagreement.of(entry, url if entry.id in kept else None) for entry in rest[:limit]]
    return Page(data=data, has_more=len(rest) > limit)


@router.get(
    _ALIAS + "/disagreements/{disagreement_id}/image",
    operation_id="get_shadow_disagreement_image",
    summary="An image on which the shadow and production disagree",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, **problems(404, 409)},
)
async def get_shadow_disagreement_image(
    models: Registry,
    storages: Annotated[Storages, from_app(Storages)],
    caller: Caller,
    *,
    name: Name,
    disagreement_id: DisagreementId,
) -> Response:
    """The image file that was sent to `POST /predict`, without its metadata: place, time, camera, texts."""
    production, shadow = await _models(models, caller, name)
    pair = Pair(production.id, shadow.id)
    _, kept = await models.shadow_disagreements(pair, caller.project)
    if disagreement_id not in kept:
        raise NoSuchDisagreementError
    storage = storages.of(caller.project)
    try:
        data = await storages.run(storage.read_bytes, image_key(pair, disagreement_id))
    except ObjectMissingError:
        raise NoSuchDisagreementError from None
    return Response(data, media_type=media_type(data))
