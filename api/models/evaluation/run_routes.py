"""/models/{ref}/evaluations: evaluate a model on another dataset."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.http.bodies import json_body_docs, read_json
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.disconnect import read_waiting, while_connected
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.models.evaluation.errors import EvaluationNotReadyError
from api.models.evaluation.reader import EvaluationReader
from api.models.evaluation.routes import Reader, Registry, Wanted
from api.models.evaluation.run_schemas import EvaluationRequest, ModelEvaluationRun
from api.models.evaluation.runs import EvaluationRuns
from api.models.evaluation.schemas import EvaluatedImage, ModelEvaluation
from api.models.evaluation.sources import FinishedRun
from model.artifact.manifest import Manifest
from worker.queue.ids import EVALUATION_PREFIX
from worker.queue.records import EvaluationRun

router = APIRouter(prefix="/models", tags=["models"])

Runs = Annotated[EvaluationRuns, from_app(EvaluationRuns)]
EvaluationId = Annotated[str, Path(max_length=100, description="evl_…")]
AfterRun = Annotated[After, after_id(EVALUATION_PREFIX)]
WaitS = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end.")]
_RUN = "/{ref}/evaluations/{evaluation_id}"


@router.post(
    "/{ref}/evaluations",
    operation_id="create_evaluation",
    summary="Evaluate a model on another dataset",
    status_code=202,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra=json_body_docs(EvaluationRequest, other={"dataset": "pets@2", "split": "test"}),
)
async def create_evaluation(
    request: Request,
    response: Response,
    *,
    models: Registry,
    runs: Runs,
    reader: Reader,
    caller: Caller,
    ref: str,
    wait_s: WaitS = 0,
    idempotency_key: IdempotencyKey = None,
) -> ModelEvaluationRun:
    """Queue an evaluation; a worker of the lane `light` predicts the images, on the CPU."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    asked = await read_json(request, EvaluationRequest)
    run = await runs.submit(manifest, asked.dataset, asked.split, caller, idempotency_key)
    if wait_s:
        run = await while_connected(request, runs.find(manifest, run.id, caller.project, wait_s))
    answer = await _answer(request, reader, caller.project, manifest, run)
    response.headers["Location"] = answer.links.self
    return answer


@router.get(
    "/{ref}/evaluations",
    operation_id="list_evaluations",
    summary="The evaluations of a model on other datasets",
    responses=problems(404, 409),
)
async def list_evaluations(
    request: Request,
    *,
    models: Registry,
    runs: Runs,
    caller: Caller,
    ref: str,
    limit: Limit = 20,
    after: AfterRun | None = None,
) -> Page[ModelEvaluationRun]:
    """A page of evaluations, newest first; one alone also has the whole `evaluation`."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    found = await runs.page(manifest, caller.project, limit + 1, after or "")
    data = [ModelEvaluationRun.of(run, None, root_path(request)) for run in found[:limit]]
    return Page(data=data, has_more=len(found) > limit)


@router.get(
    _RUN, operation_id="get_evaluation_run", summary="One evaluation of a model", responses=problems(404, 409)
)
async def get_evaluation_run(
    request: Request,
    *,
    models: Registry,
    runs: Runs,
    reader: Reader,
    caller: Caller,
    ref: str,
    evaluation_id: EvaluationId,
    wait_s: WaitS = 0,
) -> ModelEvaluationRun:
    """The evaluation as it is now; with wait_s, as soon as it has ended."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    finding = runs.find(manifest, evaluation_id, caller.project, wait_s)
    run = await read_waiting(request, finding, wait_s)
    return await _answer(request, reader, caller.project, manifest, run)


@router.get(
    f"{_RUN}/images",
    operation_id="list_images_of_evaluation",
    summary="The images behind an evaluation on another dataset",
    responses=problems(404, 409),
)
async def list_images_of_evaluation(
    request: Request,
    *,
    models: Registry,
    runs: Runs,
    reader: Reader,
    caller: Caller,
    ref: str,
    evaluation_id: EvaluationId,
    wanted: Wanted,
) -> Page[EvaluatedImage]:
    """A page of images, such as those of one cell of the confusion matrix."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    run = await runs.find(manifest, evaluation_id, caller.project)
    if run.result is None:
        raise EvaluationNotReadyError(run.status)
    source = FinishedRun(manifest, run.id, run.result)
    return await wanted.page(request, reader, caller.project, source, run.dataset)


@router.delete(
    _RUN,
    operation_id="delete_evaluation",
    summary="Cancel or delete an evaluation",
    response_model=ModelEvaluationRun,
    responses={204: {"description": "It had ended, and is deleted."}, **problems(404, 409)},
)
async def delete_evaluation(
    request: Request, *, models: Registry, runs: Runs, caller: Caller, ref: str, evaluation_id: EvaluationId
) -> ModelEvaluationRun | Response:
    """Cancel an evaluation that has not ended; delete one that has."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    cancelled = await runs.cancel_or_delete(manifest, evaluation_id, caller.project)
    if cancelled is None:
        return Response(status_code=204)
    return ModelEvaluationRun.of(cancelled, None, root_path(request))


async def _answer(
    request: Request, reader: EvaluationReader, project: str, manifest: Manifest, run: EvaluationRun
) -> ModelEvaluationRun:
    """Describe a run, with its evaluation if it has succeeded."""
    evaluation = None
    if run.result is not None:
        stored = await reader.evaluation(project, FinishedRun(manifest, run.id, run.result))
        evaluation = ModelEvaluation.stored(stored, manifest)
    return ModelEvaluationRun.of(run, evaluation, root_path(request))
