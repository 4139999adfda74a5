"""The part of the client about batch predictions: many images that the service classifies as work of its own."""

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx

from ninefold.client.datasets.downloads import download
from ninefold.client.datasets.folder_zip import open_file
from ninefold.client.datasets.imports import FileChunks, send_whole
from ninefold.client.datasets.upload_progress import ReportedBody
from ninefold.client.events import follow_events
from ninefold.client.transport import TIMEOUT_S, Json, Transport
from ninefold.errors import PredictionFailedError


class BatchCalls:
    """One method for each call about batch predictions."""

    _transport: Transport

    def predict_dataset(
        self,
        model: str,
        dataset: str,
        split: str = "test",
        *,
        top_k: int = 5,
        min_score: float | None = None,
        tta: bool = False,
        coverage: float | None = None,
        on_progress: Callable[[Json], None] | None = None,
    ) -> Json:
        """Let the service classify a split (`test`, `train`, `all`) of a dataset, wait for the end, and return it.

        The options are those of `predict`; without `min_score` the least scores of the alias hold. Raises PredictionFailedError if it fails or is cancelled. `prediction_rows` and `download_prediction` read the rows.
        """
        options = _options(top_k, min_score, coverage, tta=tta)
        body = {"model": model, "dataset": dataset, "split": split, **options}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        created = self._transport.request_object("POST", "/predictions", json=body, headers=headers)
        return self.follow_prediction(created["id"], on_progress)

    def predict_zip(
        self,
        model: str,
        path: str | Path,
        *,
        top_k: int = 5,
        min_score: float | None = None,
        tta: bool = False,
        coverage: float | None = None,
        on_progress: Callable[[Json], None] | None = None,
    ) -> Json:
        """Let the service classify all images of a zip file, wait for the end, and return it, as `predict_dataset` does."""
        options = _options(top_k, min_score, coverage, tta=tta)
        params: dict[str, str | int] = {name: json.dumps(value) for name, value in options.items()}
        params["model"] = model
        with open_file(Path(path)) as file:
            size = file.seek(0, os.SEEK_END)
            body = ReportedBody(FileChunks(file), size, lambda _: None)
            created = send_whole(self._transport, "/predictions", params, body, size)
        return self.follow_prediction(created["id"], on_progress)

    def follow_prediction(
        self, prediction_id: str, on_progress: Callable[[Json], None] | None = None
    ) -> Json:
        """Wait for the end of a batch prediction, and return it; raises PredictionFailedError."""
        for event in follow_events(self._transport, f"/predictions/{prediction_id}/events"):
            if on_progress and event.kind == "progress":
                on_progress(event.data)
        found = self.prediction(prediction_id)
        if found["status"] != "succeeded":
            error = found["error"] or {"code": found["status"], "message": "It was cancelled."}
            raise PredictionFailedError(prediction_id, error["message"], error["code"])
        return found

    def prediction(self, prediction_id: str) -> Json:
        """Return a batch prediction as it is now."""
        return self._transport.request_object("GET", f"/predictions/{prediction_id}")

    def predictions(self, model: str | None = None) -> Iterator[Json]:
        """Yield the batch predictions, newest first: all, or those of a model."""
        return self._transport.list_pages("/predictions", {"model": model} if model else {})

    def prediction_rows(self, prediction_id: str, **wanted: str | float | bool) -> Iterator[Json]:
        """Yield the rows of a batch prediction: all, or those that `wanted` names.

        `label="cat"`, `below=0.5`, `above=0.9`, `status="error"`, `abstained=True`, `limit=100`; `order="lowest"` gives the least
        confident ones first.
        """
        query = urlencode(
            {name: json.dumps(value) if isinstance(value, bool) else value for name, value in wanted.items()}
        )
        address = f"/predictions/{prediction_id}/rows?{query}"
        with self._transport.stream(address, {}, httpx.Timeout(TIMEOUT_S)) as response:
            yield from map(json.loads, _lines(response.iter_bytes()))

    def download_prediction(self, prediction_id: str, path: str | Path, row_format: str = "jsonl") -> None:
        """Write all rows to a new file, as `jsonl` or `csv`."""
        download(self._transport, f"/predictions/{prediction_id}/rows?format={row_format}", Path(path))

    def delete_prediction(self, prediction_id: str) -> None:
        """Cancel a batch prediction that has not ended; delete one that has, with its rows."""
        self._transport.request("DELETE", f"/predictions/{prediction_id}", is_repeatable=False)


def _options(top_k: int, min_score: float | None, coverage: float | None, *, tta: bool) -> Json:
    """Return the options that are set, as the service names them."""
    given = {"top_k": top_k, "min_score": min_score, "tta": tta or None, "coverage": coverage}
    return {name: value for name, value in given.items() if value is not None}


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text that arrives in pieces; only a newline ends one."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
