"""From an upload to its answer: names the model, asks the predictor, shapes what it says; knows no HTTP status."""

import time
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request

from api.errors import ApiError
from api.http.disconnect import while_connected
from api.predict.uploads import (
    EmptyUploadError,
    FileTooLargeError,
    UploadBudget,
    UploadedImage,
    UploadLimits,
    received_images,
)
from api.predictor.client import PredictorClient
from api.predictor.protocol.messages import ItemAnswer, ItemError, Score, Timings
from worker.registry.model_registry import AsyncModelRegistry


class PredictionModel(BaseModel):
    """The very version that made an answer."""

    id: str
    name: str
    version: int
    alias: str | None = Field(description="The alias that was asked for; null when a version or an id was.")


class _Item(BaseModel):
    index: int
    filename: str | None


class ClassifiedImage(_Item):
    """An image with its label."""

    status: Literal["ok"] = "ok"
    label: str
    score: float = Field(description="Calibrated probability of `label`.")
    scores: list[Score] = Field(description="The `top_k` best classes, best first.")


class FailedImage(_Item):
    """An image that could not be classified; the others of its request were."""

    status: Literal["error"] = "error"
    error: ItemError


class PredictionTimings(Timings):
    """Milliseconds of the slowest image in each stage, and of the whole request."""

    total: float


class Prediction(BaseModel):
    """One request's answer, an item for each image in the order they came."""

    object: Literal["prediction"] = "prediction"
    model: PredictionModel
    predictions: list[Annotated[ClassifiedImage | FailedImage, Field(discriminator="status")]]
    timings_ms: PredictionTimings


NO_VALID_IMAGE = "no_valid_image"
"""The code of a request whose images all failed, for different reasons."""


class PredictionRefusedError(ApiError):
    """Root of the reasons why a request gets no prediction; the message says what to do next."""


class NoModelError(PredictionRefusedError):
    """Raised when no model was named and none is in production."""

    code = "no_model"

    def __init__(self) -> None:
        super().__init__(
            "No model is in production. Make one: POST /jobs with a dataset, such as "
            """{"dataset": "digits"}; the first model of a name goes into production."""
        )


class ModelRequiredError(PredictionRefusedError):
    """Raised when no model was named and several are in production."""

    code = "model_required"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"Several models are in production: name one with ?model=, of {', '.join(names)}.")
        self.names = list(names)


class NoImageClassifiedError(PredictionRefusedError):
    """Raised when every image of a request failed; `code` is theirs, if they share one."""

    def __init__(self, failed: Sequence[ItemError]) -> None:
        message = (
            failed[0].message if len(failed) == 1 else "None of the images could be classified: see errors."
        )
        field_errors = [
            {"param": f"image {index}", "message": f"{error.code}: {error.message}"}
            for index, error in enumerate(failed)
        ]
        super().__init__(message, field_errors=field_errors)
        codes = {error.code for error in failed}
        self.code = codes.pop() if len(codes) == 1 else NO_VALID_IMAGE


class Predictions:
    """Answers uploads with the model that they ask for."""

    def __init__(
        self,
        registry: AsyncModelRegistry,
        predictor: PredictorClient,
        limits: UploadLimits,
        budget: UploadBudget,
        *,
        deadline_s: float = 30.0,
    ) -> None:
        self._registry = registry
        self._predictor = predictor
        self._limits = limits
        self._budget = budget
        self._deadline_s = deadline_s

    async def predict(self, request: Request, ref: str | None, top_k: int) -> Prediction:
        """Reads the request's images and classifies them.

        Raises:
            PredictionRefusedError: no such choice of model, or no image that could be classified.
            worker.errors.WorkerError: the reference finds no model.
            api.uploads.UploadError: the body cannot be taken.
            api.predictor.errors.PredictionError: the predictor failed the request as a whole.
            starlette.requests.ClientDisconnect: nobody waits any more.
        """
        started = time.monotonic()
        model = await self._model(ref)
        async with received_images(request, self._limits, self._budget) as images:
            items, timings = await while_connected(request, self._classify(model.id, images, top_k))
        return Prediction(
            model=model,
            predictions=[_item(index, images[index].filename, item) for index, item in enumerate(items)],
            timings_ms=PredictionTimings(**timings.model_dump(), total=_ms_since(started)),
        )

    async def _model(self, ref: str | None) -> PredictionModel:
        found = await self._registry.resolve(await self._only_production_name() if ref is None else ref)
        manifest = found.manifest
        return PredictionModel(
            id=manifest.id, name=manifest.name, version=manifest.version, alias=found.alias
        )

    async def _only_production_name(self) -> str:
        names = sorted(await self._registry.production_names())
        if not names:
            raise NoModelError
        if len(names) > 1:
            raise ModelRequiredError(names)
        return names[0]

    async def _classify(
        self, model_id: str, images: Sequence[UploadedImage], top_k: int
    ) -> tuple[list[ItemAnswer], Timings]:
        answers = {index: unfit for index, image in enumerate(images) if (unfit := self._unfit(image))}
        asked = {
            index: image.data for index, image in enumerate(images) if index not in answers and image.data
        }
        timings = Timings(queue=0, decode=0, infer=0)
        if asked:
            predicted = await self._predictor.predict(
                model_id, list(asked.values()), top_k=top_k, deadline_s=self._deadline_s
            )
            answers |= dict(zip(asked, predicted.items, strict=True))
            timings = predicted.timings_ms
        in_order = [answers[index] for index in range(len(images))]
        failed = [answer.error for answer in in_order if answer.error]
        if len(failed) == len(images):
            raise NoImageClassifiedError(failed)
        return in_order, timings

    def _unfit(self, image: UploadedImage) -> ItemAnswer | None:
        if image.data is None:
            return _failed(FileTooLargeError.code, str(FileTooLargeError(self._limits.image_bytes)))
        if not image.data:
            return _failed(EmptyUploadError.code, "The file is empty: 0 bytes.")
        return None


def _failed(code: str, message: str) -> ItemAnswer:
    return ItemAnswer(error=ItemError(code=code, message=message))


def _item(index: int, filename: str | None, answer: ItemAnswer) -> ClassifiedImage | FailedImage:
    if answer.error is not None:
        return FailedImage(index=index, filename=filename, error=answer.error)
    best = answer.scores[0]
    return ClassifiedImage(
        index=index, filename=filename, label=best.label, score=best.score, scores=answer.scores
    )


def _ms_since(started: float) -> float:
    return round(1000 * (time.monotonic() - started), 2)
