"""The pages: the dashboard and the API's description, both from our own files alone."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent / "static"
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
# Swagger UI draws its icons from data: URLs and styles itself.
_DOCS_POLICY = f"{_POLICY}; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


class Assets(StaticFiles):
    """The dashboard's files, asked for anew each time so that a new version is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file."""
        response = await super().get_response(path, scope)
        response.headers.update(_headers(_POLICY))
        return response


@router.get("/")
async def show_dashboard() -> FileResponse:
    """The dashboard."""
    return FileResponse(FOLDER / "index.html", headers=_headers(_POLICY))


@router.get("/docs")
async def show_docs() -> FileResponse:
    """The API, to read and to try."""
    return FileResponse(FOLDER / "docs.html", headers=_headers(_DOCS_POLICY))


@router.get("/openapi.json")
async def show_openapi(request: Request) -> JSONResponse:
    """The API's description for programs."""
    return JSONResponse(request.app.openapi())


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
