"""Adds a dataset: sends a folder or a zip, then follows the import until the dataset is ready or rejected."""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import httpx

from ninefold.client.datasets.folder_zip import find_table, open_file, zip_folder
from ninefold.client.datasets.import_options import ImportOptions
from ninefold.client.datasets.part_upload import MAX_INTERRUPTIONS, PART_BYTES, PartsUnknownError, PartUpload
from ninefold.client.datasets.upload_progress import DatasetProgress, OnProgress, ReportedBody
from ninefold.client.events import Event, follow_events
from ninefold.client.transport import TIMEOUT_S, Json, Transport
from ninefold.errors import DatasetRejectedError, NinefoldError, UnreachableError

_SOURCES = ("file://", "s3://", "https://", "hf://", "built-in://")
_CHUNK_BYTES = 1 << 16
_SEND_TIMEOUT_S = 120.0
_ANSWER_TIMEOUT_S = 900.0
"""The service answers once the zip is in its storage, which may be a distant bucket."""
UPLOAD_TIMEOUT = httpx.Timeout(TIMEOUT_S, read=_ANSWER_TIMEOUT_S, write=_SEND_TIMEOUT_S)


def upload(
    transport: Transport,
    path: Path,
    name: str,
    on_progress: OnProgress,
    options: ImportOptions,
    *,
    on_not_sent: Callable[[list[str]], None],
) -> Json:
    """Send a folder or a zip as the dataset `name`, and return the dataset, whose import may not have ended.

    `on_not_sent` receives what is left out of a folder, each with the reason. A large upload is sent in parts; of a small
    one that was interrupted, all is sent again with the same Idempotency-Key, so that it is imported once.
    """
    # A wrong address or key is noticed before a large folder is packed.
    transport.request("GET", "/datasets", params={"limit": 1})
    if path.is_dir():
        on_progress(DatasetProgress("packing"))
    params, table = options.params(), None
    if options.labels is not None and path.is_dir():
        params["labels"], table = find_table(path, options.labels)
    source: Iterable[bytes]
    with ExitStack() as stack:
        if path.is_dir():
            folder = zip_folder(path, table)
            on_not_sent(folder.not_sent)
            size, source, length = folder.size, folder, None
        else:
            file = stack.enter_context(open_file(path))
            size = length = file.seek(0, os.SEEK_END)
            source = FileChunks(file)
        if size > PART_BYTES:
            parts = PartUpload(transport, {"name": name, **params}, UPLOAD_TIMEOUT, on_progress)
            with suppress(PartsUnknownError):
                return parts.send(source, size)
        body = ReportedBody(source, size, on_progress)
        return send_whole(transport, "/datasets", {"name": name, **params}, body, length)


def is_source(text: str | Path) -> bool:
    """Whether this names images that the service reads itself, not a file or folder here."""
    return str(text).startswith(_SOURCES)


def add_from_source(transport: Transport, source: str, name: str, options: ImportOptions) -> Json:
    """Let the service read images from an address, and return the dataset, whose import may not have ended."""
    return transport.request_object(
        "POST",
        "/datasets",
        json={"name": name, "source": source, **options.params()},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )


def send_whole(
    transport: Transport, path: str, params: dict[str, str | int], body: ReportedBody, length: int | None
) -> Json:
    """Send a zip in one request, again from the beginning after an interruption."""
    headers = {"Content-Type": "application/zip", "Idempotency-Key": str(uuid.uuid4())}
    if length is not None:
        headers["Content-Length"] = str(length)
    for attempt in range(1, MAX_INTERRUPTIONS + 1):
        try:
            return transport.request_object(
                "POST",
                path,
                params=params,
                content=body,
                headers=headers,
                timeout=UPLOAD_TIMEOUT,
                is_repeatable=False,
            )
        except UnreachableError:
            if attempt == MAX_INTERRUPTIONS or not transport.wait_until_back():
                raise
    raise AssertionError("unreachable")  # the last attempt returns or raises


class FileChunks:
    """The bytes of a file from its beginning, each time they are iterated."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk


def follow_import(transport: Transport, dataset: Json, on_progress: OnProgress) -> Json:
    """Wait until a dataset is no longer processing; return it if it is ready.

    Raises:
        DatasetRejectedError: it was rejected, or its import was cancelled.
    """
    path = f"/datasets/{dataset['id']}"
    if dataset["status"] == "processing":
        state = _ImportState(dataset)
        on_progress(reported := state.progress)
        for event in follow_events(transport, f"{path}/events"):
            state.apply(event)
            if state.is_certain and state.progress != reported:
                on_progress(reported := state.progress)
        dataset = transport.request_object("GET", path)
    if dataset["status"] != "ready":
        error = dataset.get("error") or {"code": dataset["status"], "message": "The import was cancelled."}
        raise DatasetRejectedError(dataset["name"], error["message"], error["code"])
    return dataset


def cancel_import(transport: Transport, dataset: Json) -> Json:
    """Cancel the import of a dataset that is processing, and return the dataset; one that was cancelled stays as it is.

    Raises:
        NinefoldError: the dataset is ready or was rejected.
    """
    if dataset["status"] == "cancelled":
        return dataset
    if dataset["status"] == "ready":
        raise NinefoldError(
            f"{dataset['name']} is ready: nothing is left to cancel. Delete it with: ninefold datasets delete {dataset['name']}",
            code="dataset_ready",
        )
    if dataset["status"] == "rejected":
        raise NinefoldError(
            f"{dataset['name']} was rejected already: nothing is left to cancel.", code="rejected"
        )
    response = transport.request("DELETE", f"/datasets/{dataset['id']}", is_repeatable=False)
    cancelled: Json = response.json() if response.content else {**dataset, "status": "cancelled"}
    return cancelled


def delete_dataset(transport: Transport, dataset: Json) -> None:
    """Delete a dataset, or remove an import from the list; one that has not ended is cancelled first.

    Raises:
        NinefoldError: a job or a version in the making needs the dataset.
    """
    path = f"/datasets/{dataset['id']}"
    answer = transport.request("DELETE", path, is_repeatable=False)
    if answer.content:  # it had not ended, and is cancelled now
        for _ in follow_events(transport, f"{path}/events"):
            pass  # until its end
        transport.request("DELETE", path, is_repeatable=False)


class _ImportState:
    """Phase and progress of one import, as far as the events received so far show them."""

    def __init__(self, dataset: Json) -> None:
        self.is_certain = True
        """False after a first snapshot: the stored events that follow it tell the course of the import from the start."""
        self._has_history = False
        self._phase: str | None = None
        self._waits_for: str | None = None
        self._files: dict[str, Any] = {}
        self._set(dataset)

    def apply(self, event: Event) -> None:
        """Update the state from one event."""
        self._has_history = self._has_history or event.id is not None
        self.is_certain = self._has_history
        match event.kind:
            case "snapshot":
                self._set(event.data["dataset"])
            case "state" if event.data["status"] in ("queued", "running"):
                self._phase = event.data["phase"]
                if self._phase in (None, "starting"):  # another attempt begins
                    self._files = {}
            case "progress":
                self._files = event.data

    def _set(self, dataset: Json) -> None:
        self._phase = dataset["phase"]
        self._waits_for = dataset["queued_reason"]
        self._files = dataset["progress"] or {}

    @property
    def progress(self) -> DatasetProgress:
        """The state as the caller sees it."""
        files, total = self._files.get("files", 0), self._files.get("total", 0)
        waits_for = None if self._phase else self._waits_for
        return DatasetProgress(self._phase or "queued", files, total, waits_for)
