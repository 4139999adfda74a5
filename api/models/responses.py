"""Models as answers: their records, files and deletion; knows no route."""

import asyncio
import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from api.models.errors import ModelFileNotFoundError
from api.schemas import Alias, Model, Page
from api.services import Services
from model.artifact.manifest import MANIFEST_FILE, model_key
from model.errors import ObjectMissingError
from worker.errors import AliasNotFoundError, ModelNotFoundError
from worker.registry.deletion import delete_model_files
from worker.registry.models import ModelPage, RegisteredModel

_MODEL_ID_PREFIX = "mdl_"


def model(found: RegisteredModel) -> Model:
    """One model."""
    return Model.model_validate({**found.manifest.model_dump(), "aliases": found.aliases})


def model_list(page: ModelPage) -> Page[Model]:
    """A page of models."""
    return Page(data=[model(found) for found in page.models], has_more=page.has_more)


async def find_alias(services: Services, name: str, alias: str) -> Alias:
    """What an alias points at."""
    if alias not in await services.models.list_aliases(name):
        raise AliasNotFoundError(name, alias)
    return alias_of(await services.models.resolve(f"{name}@{alias}"), alias)


def alias_of(found: RegisteredModel, alias: str) -> Alias:
    """An alias of the model that it points at."""
    manifest = found.manifest
    return Alias(name=manifest.name, alias=alias, version=manifest.version, model_id=manifest.id)


async def file(services: Services, request: Request, ref: str, name: str) -> Response:
    """A model's file, unless the caller has it already."""
    manifest = (await services.models.resolve(ref)).manifest
    if name != MANIFEST_FILE and name not in manifest.files:
        raise ModelFileNotFoundError([*manifest.files, MANIFEST_FILE])
    known, stored = manifest.files.get(name), services.storage.as_file(model_key(manifest.id, name))
    if known and _has(request, headers := _headers(known.sha256)):
        return Response(status_code=304, headers=headers)  # without fetching it
    with ExitStack() as borrowed:
        try:
            path = await asyncio.to_thread(borrowed.enter_context, stored)
            headers = _headers(known.sha256 if known else await asyncio.to_thread(_sha256, path))
            status = await asyncio.to_thread(path.stat)
        except (ObjectMissingError, FileNotFoundError):
            raise ModelNotFoundError(ref) from None  # deleted meanwhile
        if _has(request, headers):
            return Response(status_code=304, headers=headers)
        shown = f"{manifest.name}-{manifest.version}-{name}"
        return _BorrowedFile(borrowed.pop_all(), path, headers=headers, filename=shown, stat_result=status)


def _headers(sha256: str) -> dict[str, str]:
    return {"ETag": f'"{sha256}"', "Cache-Control": "no-cache"}


def _has(request: Request, headers: dict[str, str]) -> bool:
    """Whether the caller has the very bytes that these are of."""
    return headers["ETag"] in request.headers.get("if-none-match", "")


class _BorrowedFile(FileResponse):
    """A file that storage may take back once it is sent, or cannot be."""

    def __init__(self, borrowed: ExitStack, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._borrowed = borrowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._borrowed:
            await super().__call__(scope, receive, send)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def delete(services: Services, ref: str) -> None:
    """Delete a model: what is cut short here, the next worker that starts ends."""
    is_id = ref.startswith(_MODEL_ID_PREFIX)
    model_id = ref if is_id else (await services.models.resolve(ref)).manifest.id
    await services.models.begin_deletion(model_id)
    await asyncio.to_thread(delete_model_files, services.storage, model_id)
    await services.models.end_deletion(model_id)
