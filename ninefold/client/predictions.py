"""Classifies any number of image files: sends them in requests of limited size, and joins the answers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ninefold.client.datasets.folder_zip import open_file
from ninefold.client.transport import Json, Transport
from ninefold.errors import NinefoldError

IMAGES_PER_REQUEST = 32
EXPLAINED_PER_REQUEST = 16
BYTES_PER_REQUEST = 24_000_000
"""Within the limits of the service (64 images, 16 that it explains, 100 MB), and few enough for a bar that moves."""
TOO_MUCH = ("request_too_large", "too_many_images")

OnImages = Callable[[int, int], None]
"""Receives the number of images that were answered, and of all images."""


def classify(
    transport: Transport, files: Sequence[Path], params: dict[str, Any], on_progress: OnImages
) -> Json:
    """Classify image files of any number and total size; the answer has one prediction for each file, in order.

    All files are classified by the model that answered first, also when another version is promoted meanwhile.

    Raises:
        NinefoldError: a file cannot be read (nothing was sent then), or no file could be classified.
    """
    for file in files:
        open_file(file).close()
    answers: list[Json] = []
    refusal: NinefoldError | None = None
    predictions: list[Json] = []
    on_progress(0, len(files))
    most = EXPLAINED_PER_REQUEST if "explain" in params else IMAGES_PER_REQUEST
    for batch in _batches(files, most):
        pinned = params | ({"model": answers[0]["model"]["id"]} if answers else {})
        for answer in _send(transport, batch, pinned):
            if isinstance(answer, NinefoldError):
                refusal = refusal or answer
                predictions += _failures(answer)
            else:
                answers.append(answer)
                predictions += answer["predictions"]
        on_progress(len(predictions), len(files))
    if not answers:
        assert refusal  # noqa: S101 - each request has an answer or an error
        raise refusal
    for index, (file, prediction) in enumerate(zip(files, predictions, strict=True)):
        prediction.update(index=index, filename=file.name)
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


def _batches(files: Sequence[Path], most: int) -> Iterator[list[Path]]:
    batch: list[Path] = []
    size_bytes = 0
    for file in files:
        file_bytes = file.stat().st_size
        if batch and (len(batch) == most or size_bytes + file_bytes > BYTES_PER_REQUEST):
            yield batch
            batch, size_bytes = [], 0
        batch.append(file)
        size_bytes += file_bytes
    yield batch


def _send(transport: Transport, files: Sequence[Path], params: dict[str, Any]) -> list[Json | NinefoldError]:
    """Return the answer for `files`, or the error whose `errors` name each of them.

    A request that is above the limits of this service is sent in halves.
    """
    try:
        with ExitStack() as stack:
            parts = [("files", (file.name, stack.enter_context(open_file(file)))) for file in files]
            return [transport.request_object("POST", "/predict", params=params, files=parts)]
    except NinefoldError as error:
        if error.code in TOO_MUCH and len(files) > 1:
            half = len(files) // 2
            return [*_send(transport, files[:half], params), *_send(transport, files[half:], params)]
        if error.code in TOO_MUCH or len(error.errors) == len(files):
            return [error]
        raise


def _failures(error: NinefoldError) -> list[Json]:
    """Return the predictions of a request whose images all failed."""
    failed = []
    for item in error.errors or [{"message": f"{error.code}: {error.detail}"}]:
        code, _, message = item["message"].partition(": ")
        failed.append({"status": "error", "error": {"code": code, "message": message}})
    return failed


def _joined_timings(answers: Sequence[Json]) -> Json:
    """Return the slowest image of each stage, as one answer does, and the sum of the requests' totals, in ms."""
    timings = [answer["timings_ms"] for answer in answers]
    slowest = {stage: max(timing[stage] for timing in timings) for stage in timings[0]}
    return slowest | {"total": sum(timing["total"] for timing in timings)}
