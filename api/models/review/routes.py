"""/models/{name}/review: uncertain answers of production, for a person to confirm or correct, and what follows from it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.http.bodies import json_body_docs, read_json
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.models.evaluation.routes import Registry
from api.models.review.reviews import Reviews
from api.models.review.schemas import (
    Review,
    ReviewDataset,
    ReviewDatasetRequest,
    ReviewDecision,
    ReviewImage,
    ReviewSettings,
)
from api.models.review.versions import ReviewVersions
from model.data.files.bare_images import media_type
from model.spec import Name
from worker.registry.review.records import State

router = APIRouter(prefix="/models", tags=["models"])

_REVIEW = "/{name}/review"
_IMAGE = _REVIEW + "/images/{image_id}"
_BODY = problems(404, 408, 409, 413, 415)
AllReviews = Annotated[Reviews, from_app(Reviews)]
Versions = Annotated[ReviewVersions, from_app(ReviewVersions)]
ImageId = Annotated[str, Path(max_length=100, description="rev_…")]
_AfterImage = Annotated[After, after_id("rev_")]


def _url(request: Request, name: str) -> str:
    return f"{root_path(request)}/models/{name}/review/images"


@router.get(_REVIEW, operation_id="get_review", summary="The review of a name", responses=problems(404))
async def get_review(models: Registry, versions: Versions, caller: Caller, name: Name) -> Review:
    """The settings, null while nothing is kept; and how many images wait, have a label, or were used."""
    await models.resolve(f"{name}:latest", caller.project)
    return Review.of(name, await versions.find_state(name, caller.project))


@router.put(
    _REVIEW,
    operation_id="set_review",
    summary="Keep uncertain answers for a review",
    responses=problems(404, 408, 413, 415),
    openapi_extra=json_body_docs(ReviewSettings, plain={}, careful={"below": 0.9, "max_images": 200}),
)
async def set_review(
    request: Request,
    *,
    models: Registry,
    reviews: AllReviews,
    versions: Versions,
    caller: Caller,
    name: Name,
) -> Review:
    """Keep the images for which the model in production gives a score below `below`."""
    await models.resolve(f"{name}:latest", caller.project)
    await reviews.configure(name, await read_json(request, ReviewSettings), caller.project)
    return Review.of(name, await versions.find_state(name, caller.project))


@router.delete(
    _REVIEW,
    operation_id="delete_review",
    summary="End the review of a name",
    status_code=204,
    responses=problems(404),
)
async def delete_review(reviews: AllReviews, caller: Caller, name: Name) -> None:
    """Keep no more answers, and delete the images and labels that are kept. Dataset versions stay."""
    try:
        await reviews.require(name, caller.project)
    finally:  # also when it is off: an interrupted request may have left files
        await reviews.end(name, caller.project)


@router.get(
    _REVIEW + "/images",
    operation_id="list_review_images",
    summary="Uncertain answers",
    responses=problems(404),
)
async def list_review_images(
    request: Request,
    models: Registry,
    caller: Caller,
    name: Name,
    *,
    state: Annotated[State, Query(description="`waiting` for a label, `labelled`, or `taken`.")] = "waiting",
    limit: Limit = 20,
    after: _AfterImage | None = None,
) -> Page[ReviewImage]:
    """A page of images in a state, newest first; `taken` are those of the dataset version that is being made."""
    found = await models.list_review_images(
        name, state, limit=limit + 1, after=after or "", project=caller.project
    )
    data = [ReviewImage.of(entry, _url(request, name)) for entry in found[:limit]]
    return Page(data=data, has_more=len(found) > limit)


@router.get(
    _IMAGE + "/image",
    operation_id="get_review_image",
    summary="An image with an uncertain answer",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, **problems(404)},
)
async def get_review_image(reviews: AllReviews, caller: Caller, *, name: Name, image_id: ImageId) -> Response:
    """The image file that was sent to `POST /predict`, without its metadata: place, time, camera, texts."""
    data = await reviews.image(name, image_id, caller.project)
    return Response(data, media_type=media_type(data))


@router.post(
    _IMAGE,
    operation_id="label_review_image",
    summary="Confirm or correct an answer",
    response_model=ReviewImage,
    responses={204: {"description": "The image is thrown away."}, **_BODY},
    openapi_extra=json_body_docs(ReviewDecision, correct={"label": "cat"}, discard={"label": None}),
)
async def label_review_image(
    request: Request, reviews: AllReviews, caller: Caller, *, name: Name, image_id: ImageId
) -> ReviewImage | Response:
    """Say which class the image has; null throws it away, and it is not kept again."""
    await reviews.require(name, caller.project)
    label = (await read_json(request, ReviewDecision)).label
    labelled = await reviews.label(name, image_id, label, caller)
    if labelled is None:
        return Response(status_code=204)
    return ReviewImage.of(labelled, _url(request, name))


@router.post(
    _REVIEW + "/dataset",
    operation_id="make_review_dataset",
    summary="Make the next dataset version of the labelled images",
    status_code=202,
    responses=_BODY,
    openapi_extra=json_body_docs(
        ReviewDatasetRequest, version={}, trained={"train": True, "note": "week 31"}
    ),
)
async def make_review_dataset(
    request: Request,
    response: Response,
    *,
    versions: Versions,
    caller: Caller,
    name: Name,
    idempotency_key: IdempotencyKey = None,
) -> ReviewDataset:
    """Add the labelled images to the training images of the latest version of production's dataset; `train` also trains.

    While such a version is being made, a further request gets the same answer.
    """
    asked = await read_json(request, ReviewDatasetRequest)
    made = await versions.make(name, asked, caller, idempotency_key)
    response.headers["Location"] = f"{root_path(request)}/datasets/{made.plan.import_id}"
    return ReviewDataset(
        dataset=made.plan.import_id, name=made.plan.name, images=made.plan.images, job=made.job_id
    )
