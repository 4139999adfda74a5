"""Sends a bundle to a service and waits until its model is published."""

import os
from pathlib import Path

from ninefold.client.datasets.folder_zip import open_file
from ninefold.client.datasets.imports import FileChunks, send_whole
from ninefold.client.datasets.upload_progress import ReportedBody
from ninefold.client.transport import TIMEOUT_S, Json, Transport
from ninefold.errors import ModelImportFailedError

_WAIT_S = TIMEOUT_S / 2
_ENDED = ("succeeded", "failed", "cancelled")


def import_model(transport: Transport, path: Path, name: str | None) -> Json:
    """Import the bundle at a path, and return the model.

    Raises:
        ModelImportFailedError: the bundle was rejected, or the import was cancelled.
    """
    params: dict[str, str | int] = {"name": name} if name else {}
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        body = ReportedBody(FileChunks(file), size, lambda _: None)
        found = send_whole(transport, "/models/import", params, body, size)
    while found["status"] not in _ENDED:
        found = transport.request_object("GET", f"/models/imports/{found['id']}", params={"wait_s": _WAIT_S})
    if found["status"] != "succeeded":
        error = found["error"] or {"code": found["status"], "message": "The import was cancelled."}
        raise ModelImportFailedError(found["id"], error["message"], error["code"])
    return transport.request_object("GET", f"/models/{found['result']['model']['id']}")
