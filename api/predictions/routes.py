"""/predictions: classify all images of a dataset's split, or of a zip."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.http.bodies import content_type, json_body_docs, read_json
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.disconnect import read_waiting, while_connected
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.predictions.batches import BatchPredictions
from api.predictions.queries import RowFilterQuery, RowQuery, ZipQuery
from api.predictions.rows import RowFormat, RowReader
from api.predictions.schemas import AnsweredPrediction, PredictionRequest, PredictionSummary
from worker.queue.ids import PREDICTION_PREFIX
from worker.queue.records import BatchPrediction
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/predictions", tags=["predictions"])

Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
Batches = Annotated[BatchPredictions, from_app(BatchPredictions)]
Reader = Annotated[RowReader, from_app(RowReader)]
PredictionId = Annotated[str, Path(max_length=100, description="prd_…")]
WaitS = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end.")]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = json_body_docs(PredictionRequest, dataset={"model": "flowers", "dataset": "garden-photos"})
_BODY["requestBody"]["content"] |= {"application/zip": _BINARY, "application/octet-stream": _BINARY}
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("application/jsonl", "text/csv")}}
}
_DELETED: dict[int | str, dict[str, Any]] = {
    204: {"description": "It had ended, and is deleted with its rows."}
}


@router.post(
    "",
    operation_id="create_prediction",
    summary="Classify many images",
    status_code=202,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra=_BODY,
)
async def create_prediction(
    request: Request,
    response: Response,
    *,
    batches: Batches,
    caller: Caller,
    query: Annotated[ZipQuery, Depends()],
    wait_s: WaitS = 0,
    idempotency_key: IdempotencyKey = None,
) -> AnsweredPrediction:
    """Queue the classification of a dataset's split (a JSON body), or of all images of a zip (the body itself).

    A worker of the lane `light` stores a row for each image. The answers are those of /predict.
    """
    if content_type(request) == "application/json":
        query.refuse()
        wanted = await read_json(request, PredictionRequest)
        asked = await batches.ask(wanted.model, wanted.options, caller, idempotency_key)
        found = await batches.submit_dataset(asked, wanted.dataset, wanted.split)
    else:
        asked = await batches.ask(*query.read(), caller, idempotency_key)
        found = await batches.receive_zip(request, asked)
    if wait_s:
        found = await while_connected(request, batches.find(found.id, caller.project, wait_s))
    answer = _answer(request, found)
    response.headers["Location"] = answer.links.self
    return answer


@router.get(
    "",
    operation_id="list_predictions",
    summary="Batch predictions",
    responses=problems(404, 409),
)
async def list_predictions(
    request: Request,
    *,
    models: Registry,
    batches: Batches,
    caller: Caller,
    model: Annotated[str | None, Query(max_length=200, description="Only those of this model.")] = None,
    limit: Limit = 20,
    after: Annotated[After, after_id(PREDICTION_PREFIX)] = "",
) -> Page[AnsweredPrediction]:
    """A page of the batch predictions of the project, newest first."""
    model_id = (await models.resolve(model, caller.project)).manifest.id if model else None
    found = await batches.page(model_id, caller.project, limit + 1, after)
    return Page(data=[_answer(request, one) for one in found[:limit]], has_more=len(found) > limit)


@router.get(
    "/{prediction_id}",
    operation_id="get_prediction",
    summary="One batch prediction",
    responses=problems(404),
)
async def get_prediction(
    request: Request, *, batches: Batches, caller: Caller, prediction_id: PredictionId, wait_s: WaitS = 0
) -> AnsweredPrediction:
    """The batch prediction as it is now; with wait_s, as soon as it has ended."""
    finding = batches.find(prediction_id, caller.project, wait_s)
    return _answer(request, await read_waiting(request, finding, wait_s))


@router.get(
    "/{prediction_id}/rows",
    operation_id="get_prediction_rows",
    summary="The answer for each image",
    response_class=Response,
    responses={**_TEXT, **problems(404, 409)},
)
async def get_rows(
    *,
    batches: Batches,
    reader: Reader,
    caller: Caller,
    prediction_id: PredictionId,
    wanted: Annotated[RowQuery, Depends()],
    row_format: Annotated[
        RowFormat,
        Query(
            alias="format", description="jsonl: all fields, an object a line; csv: without the other scores."
        ),
    ] = RowFormat.JSONL,
) -> Response:
    """All rows, or those that are wanted. A row has the fields of an answer of /predict."""
    found = await batches.find(prediction_id, caller.project)
    chunks = reader.chunks(found, caller.project, wanted, row_format)
    first = await anext(chunks, b"")  # an error is answered before the body begins
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.{row_format}"'}
    return StreamingResponse(_joined(first, chunks), headers=headers, media_type=row_format.media_type)


@router.get(
    "/{prediction_id}/summary",
    operation_id="get_prediction_summary",
    summary="How many rows say what",
    responses=problems(404, 409),
)
async def get_summary(
    *,
    batches: Batches,
    reader: Reader,
    caller: Caller,
    prediction_id: PredictionId,
    wanted: Annotated[RowFilterQuery, Depends()],
) -> PredictionSummary:
    """The number of rows that match a filter, by label and by score."""
    found = await batches.find(prediction_id, caller.project)
    return PredictionSummary.of(await reader.count(found, caller.project, wanted))


@router.get(
    "/{prediction_id}/images/{index}",
    operation_id="get_prediction_image",
    summary="The thumbnail of an image of a zip",
    response_class=Response,
    responses={200: {"content": {"image/webp": _BINARY}}, **problems(404)},
)
async def get_image(
    *,
    batches: Batches,
    reader: Reader,
    caller: Caller,
    prediction_id: PredictionId,
    index: Annotated[int, Path(ge=0, description="Of the row.")],
) -> Response:
    """A WebP file of at most 160 pixels a side, made of the image's pixels alone."""
    found = await batches.find(prediction_id, caller.project)
    data = await reader.thumbnail(found, caller.project, index)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, headers=headers, media_type="image/webp")


@router.delete(
    "/{prediction_id}",
    operation_id="delete_prediction",
    summary="Cancel or delete a batch prediction",
    response_model=AnsweredPrediction,
    responses={**_DELETED, **problems(404)},
)
async def delete_prediction(
    request: Request, *, batches: Batches, caller: Caller, prediction_id: PredictionId
) -> AnsweredPrediction | Response:
    """Cancel a batch prediction that has not ended; delete one that has, with its rows."""
    cancelled = await batches.cancel_or_delete(prediction_id, caller.project)
    return Response(status_code=204) if cancelled is None else _answer(request, cancelled)


def _answer(request: Request, found: BatchPrediction) -> AnsweredPrediction:
    return AnsweredPrediction.of(found, root_path(request))


async def _joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in others:
        yield chunk
