"""Serves the dashboard, the API documentation and the OpenAPI document, from files in this package only."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent / "static"
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
# Swagger UI uses icons from data: URLs and inline styles.
_DOCS_POLICY = f"{_POLICY}; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


class Assets(StaticFiles):
    """The dashboard's static files; browsers must revalidate them, so that a new version is used at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return one file, with the security and cache headers."""
        response = await super().get_response(path, scope)
        response.headers.update(_headers(_POLICY))
        return response


@router.get("/")
async def show_dashboard() -> FileResponse:
    """Return the page of the dashboard."""
    return FileResponse(FOLDER / "index.html", headers=_headers(_POLICY))


@router.get("/docs")
async def show_docs() -> FileResponse:
    """Return the page of Swagger UI, which shows the API and sends requests to it."""
    return FileResponse(FOLDER / "docs.html", headers=_headers(_DOCS_POLICY))


@router.get("/openapi.json")
async def show_openapi(request: Request) -> JSONResponse:
    """Return the OpenAPI document."""
    return JSONResponse(request.app.openapi())


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
