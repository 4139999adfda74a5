"""Downloads of a model's files, with the SHA-256 as the ETag."""

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api.http.places import Places
from api.models.bundle.derived import DerivedFiles
from api.models.errors import DownloadsBusyError, ModelFileNotFoundError
from api.records.storages import Storages
from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.bundle.names import DERIVED_FILES
from model.errors import ObjectMissingError
from worker.errors import ModelNotFoundError

MAX_DOWNLOADS = 64
_SHOWN_AS = {
    ".md": "text/markdown; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FETCH_TIMEOUT_S = 60.0
"""A bucket is asked for the whole file first."""


class Downloads:
    """Sends files, a limited number at once: each occupies a thread while it is read, for ever when storage hangs."""

    def __init__(self, storages: Storages, derived: DerivedFiles) -> None:
        self._storages = storages
        self._derived = derived
        self._places = Places(MAX_DOWNLOADS, DownloadsBusyError)

    async def response(self, request: Request, project: str, manifest: Manifest, name: str) -> Response:
        """Answer with a file of a model, or 304 if the client's ETag matches.

        Raises:
            ModelFileNotFoundError: the manifest does not list this file, and it does not follow from those that are listed.
            CorruptArtifactError: what it follows from is damaged.
            DownloadsBusyError: the maximum number of files is being sent.
            ModelNotFoundError: the model was deleted during the request.
            StorageHangsError: storage does not answer.
        """
        if name != MANIFEST_FILE and name not in manifest.files:
            return await self._derived_response(request, project, manifest, name)
        known = manifest.files.get(name)
        stored = self._storages.of(project).as_file(model_key(manifest.id, name))
        if known and _matches_etag(request, headers := _headers(known.sha256)):
            return Response(status_code=304, headers=headers)  # without fetching the file from storage
        with ExitStack() as borrowed:
            borrowed.enter_context(self._places.one())
            try:
                path = await self._storages.run_within(_FETCH_TIMEOUT_S, borrowed.enter_context, stored)
                sha256, status = await self._storages.run(_examine, path, known.sha256 if known else "")
            except (ObjectMissingError, FileNotFoundError):
                raise ModelNotFoundError(manifest.id) from None
            headers = _headers(sha256)
            if _matches_etag(request, headers):
                return Response(status_code=304, headers=headers)
            filename = f"{manifest.name}-{manifest.version}-{name}"
            return _BorrowedFileResponse(
                borrowed.pop_all(), path, headers=headers, filename=filename, stat_result=status
            )

    async def _derived_response(
        self, request: Request, project: str, manifest: Manifest, name: str
    ) -> Response:
        files = await self._derived.of(manifest, project) if name in DERIVED_FILES else {}
        if name not in files:
            raise ModelFileNotFoundError([*manifest.files, MANIFEST_FILE, *DERIVED_FILES])
        headers = _headers(hashlib.sha256(files[name]).hexdigest())
        if _matches_etag(request, headers):
            return Response(status_code=304, headers=headers)
        shown = {
            "Content-Disposition": f'inline; filename="{manifest.name}-{manifest.version}-{name}"',
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        }
        media_type = _SHOWN_AS[Path(name).suffix]
        return Response(files[name], headers={**headers, **shown}, media_type=media_type)


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


def _examine(path: Path, known_sha256: str) -> tuple[str, os.stat_result]:
    """Open a file, so that storage which hangs is noticed before the answer begins; return its hash and its status."""
    with path.open("rb") as file:
        sha256 = known_sha256 or hashlib.file_digest(file, "sha256").hexdigest()
        return sha256, os.fstat(file.fileno())
