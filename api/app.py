"""The HTTP face put together: middleware, routes, what they work with, what ends with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api.auth import errors as auth_errors
from api.auth import routes as session
from api.auth.guard import Guard
from api.dashboard import routes as docs
from api.datasets import errors as dataset_errors
from api.datasets import routes as datasets
from api.datasets.uploads import DatasetUploads
from api.events import errors as event_errors
from api.events import routes as events
from api.health import routes as system
from api.http import errors as http_errors
from api.http import openapi
from api.http.error_handlers import ErrorHandlers
from api.http.request_ids import RequestIds
from api.jobs import errors as job_errors
from api.jobs import routes as jobs
from api.jobs.submission import Submissions
from api.models import errors as model_errors
from api.models import routes as models
from api.predict import errors as prediction_errors
from api.predict import routes as predict
from api.predict.predictions import Predictions
from api.records import errors as record_errors
from api.services import make_services, running
from api.settings import ApiSettings, parse_origins

_ROUTES = (jobs, events, datasets, models, predict, system, session, docs)
_ANSWERS = {
    kind: answer
    for errors in (
        http_errors,
        record_errors,
        auth_errors,
        job_errors,
        dataset_errors,
        model_errors,
        prediction_errors,
        event_errors,
    )
    for kind, answer in errors.ANSWERS.items()
}
_ALLOWED_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID"]
_EXPOSED_HEADERS = ["Location", "Retry-After", "X-Request-ID"]


def create_app(settings: ApiSettings) -> FastAPI:
    """Make the app; it connects to nothing before its lifespan begins."""
    services = make_services(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(services):
            yield

    app = FastAPI(
        title="Ninefold",
        version=_version(),
        description="Training as a service: post a job, watch it live, classify images with the model it made.",
        lifespan=lifespan,
        root_path=settings.root_path,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.submissions = Submissions(services)
    app.state.predictions = Predictions(
        services.models, services.predictor, services.upload_limits, services.upload_budget
    )
    app.state.dataset_uploads = DatasetUploads(services)
    for routes in _ROUTES:
        app.include_router(routes.router)
    app.mount("/dashboard", docs.Assets(directory=docs.FOLDER))
    ErrorHandlers(_ANSWERS).install(app)
    _add_middleware(app, settings)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return app


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    """From the inside out."""
    origins = parse_origins(settings.cors_origins)
    app.add_middleware(Guard, keys=app.state.services.keys, origins=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(RequestIds)


def _version() -> str:
    try:
        return version("ninefold")
    except PackageNotFoundError:
        return "0+source"  # run from a checkout
