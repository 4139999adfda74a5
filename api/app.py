"""Assembles the app: shared objects, routes, tables of errors, middleware."""

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

import api.auth.errors
import api.auth.routes
import api.dashboard.routes
import api.datasets.contents.errors
import api.datasets.contents.explanation
import api.datasets.contents.routes
import api.datasets.errors
import api.datasets.resumable.routes
import api.datasets.routes
import api.datasets.version_routes
import api.events.errors
import api.events.routes
import api.health.routes
import api.http.errors
import api.jobs.comparison
import api.jobs.errors
import api.jobs.routes
import api.metrics.routes
import api.models.alias_routes
import api.models.bundle.routes
import api.models.comparison.routes
import api.models.errors
import api.models.evaluation.errors
import api.models.evaluation.routes
import api.models.evaluation.run_routes
import api.models.imports.errors
import api.models.imports.routes
import api.models.review.errors
import api.models.review.routes
import api.models.routes
import api.models.shadow
import api.predict.errors
import api.predict.hugging_face
import api.predict.open_inference.routes
import api.predict.routes
import api.predictions.errors
import api.predictions.routes
import api.records.errors
from api.auth.guard import COOKIE, Guard, is_public
from api.auth.keys import Keys
from api.auth.schemas import SessionRequest
from api.dashboard.routes import FOLDER, Assets
from api.datasets.resumable import headers as tus
from api.datasets.sources import SourceRequest
from api.datasets.versions import NewVersion
from api.http.dependencies import share, shared
from api.http.error_handlers import ErrorHandlers
from api.http.middleware.access_log import log_request
from api.http.middleware.answered import Answered
from api.http.middleware.head import Head
from api.http.middleware.request_ids import RequestIds
from api.http.middleware.unread_bodies import UnreadBodies
from api.http.openapi import OpenApiDocument
from api.http.problem import Answers
from api.http.unknown_parameters import refuse_unknown_parameters
from api.jobs.schemas import Extension, Rerun
from api.metrics.metrics import ServiceMetrics
from api.models.alias_schemas import AliasTarget, RollbackRequest
from api.models.evaluation.run_schemas import EvaluationRequest
from api.models.review.schemas import ReviewDatasetRequest, ReviewDecision, ReviewSettings
from api.predict.hugging_face import ImageClassificationInput
from api.predict.json_body import ImagesDocument
from api.predict.open_inference.schemas import InferenceRequest
from api.predictions.schemas import PredictionRequest
from api.process.shared_objects import SharedObjects
from api.settings import ApiSettings, parse_origins
from model.host.installation import installed_version
from model.spec import JobSpec

_ROUTERS = (
    api.predict.routes.router,  # first: each request tries the routes in order
    api.jobs.routes.router,
    api.jobs.comparison.router,
    api.events.routes.router,
    api.datasets.routes.router,
    api.datasets.resumable.routes.router,
    api.datasets.version_routes.router,
    api.datasets.contents.routes.router,
    api.datasets.contents.explanation.router,
    api.models.routes.router,
    api.models.bundle.routes.router,
    api.models.shadow.router,
    api.models.alias_routes.router,
    api.models.review.routes.router,
    api.models.comparison.routes.router,
    api.models.evaluation.routes.router,
    api.models.evaluation.run_routes.router,
    api.models.imports.routes.router,
    api.predictions.routes.router,
    api.predict.hugging_face.router,
    api.predict.open_inference.routes.router,
    api.health.routes.router,
    api.metrics.routes.router,
    api.auth.routes.router,
    api.dashboard.routes.router,
)
_ANSWERS: Answers = {
    **api.http.errors.ANSWERS,
    **api.records.errors.ANSWERS,
    **api.auth.errors.ANSWERS,
    **api.jobs.errors.ANSWERS,
    **api.datasets.errors.ANSWERS,
    **api.datasets.contents.errors.ANSWERS,
    **api.models.errors.ANSWERS,
    **api.models.evaluation.errors.ANSWERS,
    **api.models.imports.errors.ANSWERS,
    **api.models.review.errors.ANSWERS,
    **api.predict.errors.ANSWERS,
    **api.predictions.errors.ANSWERS,
    **api.events.errors.ANSWERS,
}
_JSON_BODIES = (
    JobSpec,
    PredictionRequest,
    Rerun,
    Extension,
    SourceRequest,
    EvaluationRequest,
    AliasTarget,
    RollbackRequest,
    ReviewSettings,
    ReviewDecision,
    ReviewDatasetRequest,
    NewVersion,
    SessionRequest,
    ImagesDocument,
    ImageClassificationInput,
    InferenceRequest,
)
_ALLOWED_HEADERS = [
    *("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID"),
    *tus.REQUEST_HEADERS,
]
_EXPOSED_HEADERS = ["Location", "Retry-After", "X-Request-ID", *tus.RESPONSE_HEADERS]


def create_app(settings: ApiSettings) -> FastAPI:
    """Make the app; the app connects to nothing before its lifespan begins."""
    objects = SharedObjects(settings)
    app = FastAPI(
        title="Ninefold",
        version=installed_version(),
        description="Training as a service: post a job, watch it live, classify images with the model it made.",
        lifespan=lambda _: objects.running(),
        root_path=settings.root_path,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    share(app, objects.by_type())
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/dashboard", Assets(directory=FOLDER))
    ErrorHandlers(_ANSWERS).install(app)
    _add_middleware(app, settings)
    app.openapi = OpenApiDocument(app, _JSON_BODIES, is_public, COOKIE).build  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    """Add the middleware from the innermost to the outermost."""
    origins = parse_origins(settings.cors_origins)
    app.add_middleware(Head)
    app.add_middleware(tus.TusHeader, prefix=api.datasets.resumable.routes.PREFIX)
    app.add_middleware(Guard, keys=shared(app, Keys), origins=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    app.add_middleware(Answered, note=shared(app, ServiceMetrics).add_request)
    app.add_middleware(RequestIds)
    if settings.access_log:
        app.add_middleware(Answered, note=log_request)
    app.add_middleware(UnreadBodies)
