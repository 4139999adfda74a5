"""Is it alive, is it ready, who works."""

from fastapi import APIRouter, Response

from api.dependencies import AnyService
from api.health.readiness import readiness
from api.schemas import Health, Page, Readiness, Worker

router = APIRouter(tags=["system"])


@router.get("/healthz", operation_id="get_health", summary="The process is alive")
async def get_health() -> Health:
    """Answers as long as the process does."""
    return Health()


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Every part works",
    responses={503: {"model": Readiness, "description": "A part does not work: its field says why."}},
)
async def get_readiness(services: AnyService, response: Response) -> Readiness:
    """200 when Redis, storage and predictor work, else 503 with the reason."""
    found = await readiness(services)
    response.status_code = 200 if found.status == "ready" else 503
    return found


@router.get("/workers", operation_id="list_workers", summary="Workers that live")
async def list_workers(services: AnyService) -> Page[Worker]:
    """Hosts, devices, states and jobs of the workers that live."""
    records = await services.presence.list_workers()
    return Page(data=[Worker(**record.model_dump()) for record in records], has_more=False)
