"""/models/{ref}/bundle: all of a model in one zip."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.models.bundle.bundles import Bundles
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "You have it already."},
}


@router.get(
    "/{ref}/bundle",
    operation_id="get_model_bundle",
    summary="All of a model in one zip",
    response_class=Response,
    responses={**_ZIP, **problems(404, 409)},
)
async def get_model_bundle(
    request: Request,
    models: Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)],
    bundles: Annotated[Bundles, from_app(Bundles)],
    caller: Caller,
    ref: str,
) -> Response:
    """Weights, ONNX, manifest, evaluation, model card, pictures, and a script that classifies without this service.

    `POST /models/import` of another service takes it. A model of an earlier release has less in it; its card says what.
    """
    manifest = (await models.resolve(ref, caller.project)).manifest
    return await bundles.response(request, caller.project, manifest)
