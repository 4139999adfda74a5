"""The MCP server: the tools of `ninefold mcp`, each of which calls the Python client. Knows no command line."""

import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

from anyio import sleep, to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from ninefold.client.client import Client
from ninefold.client.transport import Json
from ninefold.errors import NinefoldError

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_POLL_S = 1.0
_MOST_LISTED = 50
_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_JOB_FIELDS = (
    *("id", "name", "status", "phase", "queued_reason", "progress", "metrics", "best"),
    *("warnings", "finish_reason", "result", "error"),
)
_MODEL_FIELDS = ("id", "name", "version", "aliases", "classes", "metrics", "created_at")
_DATASET_FIELDS = ("id", "name", "version", "status", "classes", "splits", "created_at")

_Model = Annotated[
    str | None,
    Field(
        description="A model's name (its version in production), name:version, name@alias or id, or the id of a "
        "job whose best epoch so far shall answer. May be left out when one model is in production."
    ),
]
_WaitS = Annotated[
    float,
    Field(ge=0, le=600, description="Seconds to wait for the end of the job; 0 answers at once."),
]
_Most = Annotated[int, Field(ge=1, le=_MOST_LISTED, description="The most entries; the newest come first.")]
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Tools:
    """What an assistant can do with one service."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def list_models(
        self,
        name: Annotated[str | None, Field(description="Only versions of this name.")] = None,
        limit: _Most = 20,
    ) -> dict[str, Any]:
        """List the trained image classifiers, newest first: names, versions, aliases, classes and scores."""
        filters = {"name": name} if name else {}
        return _page(
            await _call(lambda: list(islice(self._client.models(**filters), limit + 1))), limit, _MODEL_FIELDS
        )

    async def list_datasets(self, limit: _Most = 20) -> dict[str, Any]:
        """List the datasets that jobs can train on: names, classes and numbers of images."""
        return _page(
            await _call(lambda: list(islice(self._client.datasets(), limit + 1))), limit, _DATASET_FIELDS
        )

    async def classify_file(
        self,
        path: Annotated[
            str, Field(description="An image file on this computer: JPEG, PNG, WebP, GIF or BMP.")
        ],
        model: _Model = None,
        top_k: Annotated[int, Field(ge=1, le=1000, description="Number of classes in the answer.")] = 5,
    ) -> dict[str, Any]:
        """Classify one image file with a trained model; the scores are calibrated probabilities."""
        answer = await _call(self._predict_file, path, model, top_k)
        (prediction,) = answer["predictions"]
        return {"model": answer["model"], **_chosen(prediction, ("label", "score", "abstained", "scores"))}

    def _predict_file(self, path: str, model: str | None, top_k: int) -> Json:
        if path.lower().endswith(".zip") or not Path(path).is_file():
            raise NinefoldError(
                f"{path!r} is not an image file: name one, with its whole path.", code="unreadable_file"
            )
        return self._client.predict([path], model, top_k)

    async def submit_job(
        self,
        dataset: Annotated[
            str, Field(description="Name, name@version or id of a dataset; see list_datasets.")
        ],
        spec: Annotated[
            dict[str, Any] | None,
            Field(
                description="Settings of the job such as name, epochs, time_budget_s, image_size, init_from and "
                "promote; what is left out is chosen from the dataset."
            ),
        ] = None,
    ) -> dict[str, Any]:
        """Submit a training job; a model is published when it has succeeded. Follow it with job_status."""
        own = {name: value for name, value in (spec or {}).items() if name != "dataset"}
        return _chosen(await _call(partial(self._client.submit, dataset, **own)), _JOB_FIELDS)

    async def job_status(
        self,
        context: Context,
        job_id: Annotated[str, Field(description="The id that submit_job answered.")],
        wait_s: _WaitS = 0,
    ) -> dict[str, Any]:
        """Say what a training job does, or follow it: progress, best epoch, and in the end its model or error."""
        deadline = time.monotonic() + wait_s
        while True:
            job = await _call(self._client.job, job_id)
            if job["status"] in _ENDED or time.monotonic() >= deadline:
                return _chosen(job, _JOB_FIELDS)
            progress = job.get("progress") or {}
            await context.report_progress(
                progress.get("fraction") or 0.0, 1.0, f"{job['status']} {job.get('phase') or ''}".strip()
            )
            await sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))


def make_server(client: Client, version: str) -> MCPServer:
    """Return the server; `client` is closed by the caller."""
    tools = Tools(client)
    server = MCPServer(
        "ninefold",
        version=version,
        instructions=f"Trains image classifiers and classifies images with them, at {client.url}.",
        log_level="WARNING",
    )
    for read in (tools.list_models, tools.list_datasets, tools.classify_file, tools.job_status):
        server.tool(annotations=_READS)(read)
    server.tool(annotations=_ADDS)(tools.submit_job)
    return server


async def _call(function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Call the blocking client in a thread; raises ToolError with the detail of the client's error."""
    try:
        return await to_thread.run_sync(partial(function, *arguments, **named))
    except NinefoldError as error:
        raise ToolError(f"{error.code}: {error.detail}") from error


def _page(items: list[Json], limit: int, fields: tuple[str, ...]) -> dict[str, Any]:
    return {"data": [_chosen(item, fields) for item in items[:limit]], "has_more": len(items) > limit}


def _chosen(item: Json, fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: item[field] for field in fields if item.get(field) is not None}
