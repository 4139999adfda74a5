"""/datasets/{ref}/report and /datasets/{ref}/images: what is in a dataset, and what to do about it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from api.datasets.contents.reader import ContentsReader
from api.datasets.contents.responses import image_response, skipped_response
from api.datasets.contents.schemas import DatasetImage, DatasetReport, GroupQuery
from api.http.accept import prefers
from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from model.data.report.codes import FindingCode
from model.data.report.reading import ImageFilter

router = APIRouter(prefix="/datasets", tags=["datasets"])

Reader = Annotated[ContentsReader, from_app(ContentsReader)]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/webp": _BINARY, "image/jpeg": _BINARY, "image/png": _BINARY}},
    304: {"description": "You have it already."},
}


@router.get(
    "/{ref}/report",
    operation_id="get_dataset_report",
    summary="What is wrong with a dataset, and its tables",
    response_model=DatasetReport,
    responses={**_CSV, **problems(404, 409)},
)
async def get_report(
    request: Request,
    reader: Reader,
    caller: Caller,
    ref: str,
    *,
    format: Annotated[  # noqa: A002 - a name in the query
        Literal["json", "csv"] | None,
        Query(description="csv: every file that was skipped, with the reason."),
    ] = None,
) -> Any:
    """Findings in order of what they cost a model, then tables; as CSV, every skipped file."""
    dataset = await reader.find(ref, caller.project)
    if format == "csv" or (
        not format and prefers(request.headers.get("accept", ""), "text/csv", "application/json")
    ):
        return await skipped_response(reader, dataset)
    report = await reader.report(dataset)
    return DatasetReport.stored(report, dataset.id, _url(request, dataset.id))


@router.get(
    "/{ref}/images",
    operation_id="list_dataset_images",
    summary="The images of a dataset",
    responses=problems(404, 409),
)
async def list_images(
    request: Request,
    reader: Reader,
    caller: Caller,
    ref: str,
    *,
    label: Annotated[
        str | None, Query(alias="class", max_length=1000, description="The name of a class.")
    ] = None,
    split: Literal["train", "test"] | None = None,
    finding: Annotated[FindingCode | None, Query(description="Only the images of this finding.")] = None,
    group: GroupQuery | None = None,
    limit: Limit = 20,
    after: After = "",
) -> Page[DatasetImage]:
    """A page of images: those of a finding in its order, others by split, class and content."""
    dataset = await reader.find(ref, caller.project)
    images = await reader.images(dataset, ImageFilter(label, split, finding, group), after, limit + 1)
    url = _url(request, dataset.id)
    return Page(
        data=[DatasetImage.indexed(image, url) for image in images[:limit]], has_more=len(images) > limit
    )


@router.get(
    "/{ref}/images/{image_id}",
    operation_id="get_dataset_image",
    summary="An image of a dataset",
    response_model=DatasetImage,
    responses={**_IMAGE, **problems(404, 409)},
)
async def get_image(
    request: Request,
    reader: Reader,
    caller: Caller,
    *,
    ref: str,
    image_id: str,
    size: Annotated[
        Literal["thumbnail", "original"] | None,
        Query(
            description="thumbnail: a WebP file of at most 160 pixels a side. original: the file as it was uploaded."
        ),
    ] = None,
) -> Any:
    """What is known of an image; with size, the image itself."""
    dataset = await reader.find(ref, caller.project)
    image = await reader.image(dataset, image_id)
    if size is None:
        described = await reader.with_label_error(dataset, image)
        return DatasetImage.indexed(described, _url(request, dataset.id))
    return await image_response(request, reader, dataset, image, is_thumbnail=size == "thumbnail")


def _url(request: Request, dataset_id: str) -> str:
    return f"{root_path(request)}/datasets/{dataset_id}"
