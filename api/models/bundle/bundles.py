"""Sends models as zips, a limited number at once: each occupies a thread while it is read."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.http.places import Places
from api.models.bundle.derived import DerivedFiles
from api.models.errors import DownloadsBusyError
from api.records.storages import Storages
from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.bundle.archive import FilesZip
from model.bundle.names import BUNDLE_FILES
from model.errors import ObjectMissingError
from model.storage.interface import Storage
from worker.errors import ModelNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BUNDLES = 16
_OPEN_TIMEOUT_S = 300.0
"""A bucket is asked for all files first, and each is read once."""


class Bundles:
    """Answers with the bundle of a model."""

    def __init__(self, storages: Storages, derived: DerivedFiles) -> None:
        self._storages = storages
        self._derived = derived
        self._places = Places(MAX_BUNDLES, DownloadsBusyError)

    async def response(self, request: Request, project: str, manifest: Manifest) -> Response:
        """Return the bundle, which is made while it is sent, or 304 if the client's ETag matches.

        Raises:
            CorruptArtifactError: a stored file is damaged.
            DownloadsBusyError: the maximum number of bundles is being sent.
            ModelNotFoundError: the model was deleted during the request.
            StorageHangsError: storage does not answer.
        """
        with ExitStack() as borrowed:
            borrowed.enter_context(self._places.one())
            try:
                derived = await self._derived.of(manifest, project)
                archive = await self._storages.run_within(
                    _OPEN_TIMEOUT_S, _open, self._storages.of(project), manifest, derived, borrowed
                )
            except (ObjectMissingError, FileNotFoundError):
                raise ModelNotFoundError(manifest.id) from None
            headers = {
                "Content-Length": str(archive.size),
                "Content-Disposition": f'attachment; filename="{manifest.name}-{manifest.version}.zip"',
                "ETag": f'"{archive.etag}"',
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
            }
            if headers["ETag"] in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers={"ETag": headers["ETag"]})
            return _BorrowedBundle(borrowed.pop_all(), archive, headers)


def _open(storage: Storage, manifest: Manifest, derived: dict[str, bytes], borrowed: ExitStack) -> FilesZip:
    files: dict[str, Path | bytes] = {}
    for name in BUNDLE_FILES:
        if name in manifest.files or name == MANIFEST_FILE:
            files[name] = borrowed.enter_context(storage.as_file(model_key(manifest.id, name)))
        elif name in derived:
            files[name] = derived[name]
    return FilesZip.of(files, {name: facts.sha256 for name, facts in manifest.files.items()})


class _BorrowedBundle(StreamingResponse):
    """Sends a bundle, and returns its files to storage afterwards or on failure."""

    def __init__(self, borrowed: ExitStack, archive: FilesZip, headers: dict[str, str]) -> None:
        super().__init__(iter(archive), media_type="application/zip", headers=headers)
        self._borrowed = borrowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the bundle."""
        with self._borrowed:
            await super().__call__(scope, receive, send)
