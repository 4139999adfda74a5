"""Classifies any number of images: sends them in requests of limited size, some at once, and joins the answers."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import IO, Any

from ninefold.client.image_files import ImageFile
from ninefold.client.transport import Json, Transport
from ninefold.errors import NinefoldError

IMAGES_PER_REQUEST = 16
BYTES_PER_REQUEST = 24_000_000
"""Within the limits of the service (64 images, 16 that it explains, 100 MB), and few enough for a bar that moves."""
REQUESTS_AT_ONCE = 4
"""The service classifies the images of one while it reads the others."""
TOO_MUCH = ("request_too_large", "too_many_images")

OnImages = Callable[[int, int], None]
"""Receives the number of images that were answered, and of all images."""
Answer = Json | NinefoldError


def classify(
    transport: Transport, images: Sequence[ImageFile], params: dict[str, Any], on_progress: OnImages
) -> Json:
    """Classify images of any number and total size; the answer has one prediction for each image, in order.

    All images are classified by the model that answered first, also when another version is promoted meanwhile. The
    prediction of an image with an `error` has that error.

    Raises:
        NinefoldError: an image can no longer be read, or none could be classified.
    """
    on_progress(0, len(images))
    batches = list(_batches([image for image in images if not image.error]))
    answered = _answer_first(transport, batches, params)
    done = sum(map(len, batches[: len(answered)]))
    on_progress(done, len(images))
    joined = [answer for answers in answered for answer in answers]
    answers = [answer for answer in joined if not isinstance(answer, NinefoldError)]
    if answers:
        pinned = params | {"model": answers[0]["model"]["id"]}
        joined += _answer_together(
            transport, batches[len(answered) :], pinned, lambda more: on_progress(done + more, len(images))
        )
    return _join(images, joined, params)


def _answer_first(
    transport: Transport, batches: list[list[ImageFile]], params: dict[str, Any]
) -> list[list[Answer]]:
    """Send requests until one is answered; only then the model is known that answers the others."""
    answered: list[list[Answer]] = []
    for batch in batches:
        answered.append(_send(transport, batch, params))
        if not all(isinstance(answer, NinefoldError) for answer in answered[-1]):
            break
    return answered


def _answer_together(
    transport: Transport,
    batches: list[list[ImageFile]],
    params: dict[str, Any],
    on_done: Callable[[int], None],
) -> list[Answer]:
    """Send requests, some at once; after an error none is begun that was not."""
    pool = ThreadPoolExecutor(REQUESTS_AT_ONCE)
    try:
        sent: dict[Future[list[Answer]], int] = {
            pool.submit(_send, transport, batch, params): len(batch) for batch in batches
        }
        done = 0
        for future in as_completed(sent):
            future.result()
            done += sent[future]
            on_done(done)
        return [answer for future in sent for answer in future.result()]
    finally:
        pool.shutdown(cancel_futures=True)


def _join(images: Sequence[ImageFile], joined: Sequence[Answer], params: dict[str, Any]) -> Json:
    answers = [answer for answer in joined if not isinstance(answer, NinefoldError)]
    if not answers:
        raise next(
            error
            for error in (*joined, *(image.error for image in images))
            if isinstance(error, NinefoldError)
        )
    predictions: list[Json] = []
    for answer in joined:
        predictions += _failures(answer) if isinstance(answer, NinefoldError) else answer["predictions"]
    answered = iter(predictions)
    predictions = [_failure(image.error) if image.error else next(answered) for image in images]
    for index, (image, prediction) in enumerate(zip(images, predictions, strict=True)):
        prediction.update(index=index, filename=image.name)
    if "min_score" not in params:
        _abstain(predictions, answers[0]["model"].get("min_scores") or {})
    return answers[0] | {"predictions": predictions, "timings_ms": _joined_timings(answers)}


def _abstain(predictions: Sequence[Json], least: dict[str, float]) -> None:
    """Apply the least scores of the alias to all predictions: later requests name the version, not the alias."""
    for prediction in predictions if least else ():
        if prediction["status"] == "ok":
            prediction["abstained"] = prediction["score"] < least.get(
                prediction["label"], least.get("*", 0.0)
            )


def _batches(images: Sequence[ImageFile]) -> Iterator[list[ImageFile]]:
    batch: list[ImageFile] = []
    size_bytes = 0
    for image in images:
        if batch and (len(batch) == IMAGES_PER_REQUEST or size_bytes + image.size_bytes > BYTES_PER_REQUEST):
            yield batch
            batch, size_bytes = [], 0
        batch.append(image)
        size_bytes += image.size_bytes
    if batch:
        yield batch


def _send(transport: Transport, images: Sequence[ImageFile], params: dict[str, Any]) -> list[Answer]:
    """Return the answer for `images`, or the error whose `errors` name each of them.

    A request that is above the limits of this service is sent in halves.
    """
    try:
        with ExitStack() as stack:
            parts = [("files", (image.name, _content(image, stack))) for image in images]
            return [transport.request_object("POST", "/predict", params=params, files=parts)]
    except NinefoldError as error:
        if error.code in TOO_MUCH and len(images) > 1:
            half = len(images) // 2
            return [*_send(transport, images[:half], params), *_send(transport, images[half:], params)]
        if error.code in TOO_MUCH or len(error.errors) == len(images):
            return [error]
        raise


def _content(image: ImageFile, stack: ExitStack) -> bytes | IO[bytes]:
    content = image.read()
    return content if isinstance(content, bytes) else stack.enter_context(content)


def _failures(error: NinefoldError) -> list[Json]:
    """Return the predictions of a request whose images all failed."""
    failed = []
    for item in error.errors or [{"message": f"{error.code}: {error.detail}"}]:
        code, _, message = item["message"].partition(": ")
        failed.append({"status": "error", "error": {"code": code, "message": message}})
    return failed


def _failure(error: NinefoldError) -> Json:
    """Return the prediction of an image that was not sent."""
    return {"status": "error", "error": {"code": error.code, "message": error.detail}}


def _joined_timings(answers: Sequence[Json]) -> Json:
    """Return the slowest image of each stage, as one answer does, and the sum of the requests' totals, in ms."""
    timings = [answer["timings_ms"] for answer in answers]
    slowest = {stage: max(timing[stage] for timing in timings) for stage in timings[0]}
    return slowest | {"total": sum(timing["total"] for timing in timings)}
