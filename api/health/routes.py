"""/healthz, /readyz and /workers."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.health.readiness import ReadinessChecks
from api.health.schemas import Health, Readiness, Worker
from api.http.dependencies import from_app
from api.http.pages import Page
from worker.queue.live_workers import AsyncLiveWorkers

router = APIRouter(tags=["system"])


@router.get("/healthz", operation_id="get_health", summary="The process is alive")
async def get_health() -> Health:
    """Answers as long as the process runs."""
    return Health()


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="The service can work",
    responses={503: {"model": Readiness, "description": "A component does not work: its field says why."}},
)
async def get_readiness(
    checks: Annotated[ReadinessChecks, from_app(ReadinessChecks)], response: Response
) -> Readiness:
    """200 when Redis, storage and the predictor work, else 503 with the reason."""
    readiness = await checks.run()
    response.status_code = 200 if readiness.status == "ready" else 503
    return readiness


@router.get("/workers", operation_id="list_workers", summary="Live workers")
async def list_workers(
    live_workers: Annotated[AsyncLiveWorkers, from_app(AsyncLiveWorkers)],
) -> Page[Worker]:
    """Hosts, devices, states and jobs of the live workers."""
    records = await live_workers.list_workers()
    return Page(data=[Worker(**record.model_dump()) for record in records], has_more=False)
