"""`GET /metrics`."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.http.dependencies import from_app
from api.metrics.metrics import ServiceMetrics
from api.metrics.present import PresentState

router = APIRouter(tags=["system"])

_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses=_TEXT,
)
async def get_metrics(
    metrics: Annotated[ServiceMetrics, from_app(ServiceMetrics)],
    present: Annotated[PresentState, from_app(PresentState)],
) -> Response:
    """Requests and predictions of this API process, the queues, the workers and the predictor."""
    return Response(metrics.text(await present.read()), media_type=CONTENT_TYPE_LATEST)
