"""Downloads of a model's files, with the SHA-256 as the ETag."""

import asyncio
import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api.models.errors import ModelFileNotFoundError
from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.errors import ObjectMissingError
from model.storage.interface import Storage
from worker.errors import ModelNotFoundError


async def file_response(request: Request, storage: Storage, manifest: Manifest, name: str) -> Response:
    """Answer with a file of a model, or 304 if the client's ETag matches.

    Raises:
        ModelFileNotFoundError: the manifest does not list this file.
        ModelNotFoundError: the model was deleted during the request.
    """
    if name != MANIFEST_FILE and name not in manifest.files:
        raise ModelFileNotFoundError([*manifest.files, MANIFEST_FILE])
    known, stored = manifest.files.get(name), storage.as_file(model_key(manifest.id, name))
    if known and _matches_etag(request, headers := _headers(known.sha256)):
        return Response(status_code=304, headers=headers)  # without fetching the file from storage
    with ExitStack() as borrowed:
        try:
            path = await asyncio.to_thread(borrowed.enter_context, stored)
            headers = _headers(known.sha256 if known else await asyncio.to_thread(_sha256, path))
            status = await asyncio.to_thread(path.stat)
        except (ObjectMissingError, FileNotFoundError):
            raise ModelNotFoundError(manifest.id) from None
        if _matches_etag(request, headers):
            return Response(status_code=304, headers=headers)
        filename = f"{manifest.name}-{manifest.version}-{name}"
        return _BorrowedFileResponse(
            borrowed.pop_all(), path, headers=headers, filename=filename, stat_result=status
        )


def _headers(sha256: str) -> dict[str, str]:
    return {"ETag": f'"{sha256}"', "Cache-Control": "no-cache"}


def _matches_etag(request: Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in request.headers.get("if-none-match", "")


class _BorrowedFileResponse(FileResponse):
    """Sends a file that storage lent, and returns the file to storage afterwards or on failure."""

    def __init__(self, borrowed: ExitStack, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._borrowed = borrowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        with self._borrowed:
            await super().__call__(scope, receive, send)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
