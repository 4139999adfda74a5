"""The answers of the health routes, as OpenAPI shows them."""

from typing import Literal

from pydantic import BaseModel

from worker.queue.live_workers import WorkerRecord


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """The state of each component: `ok`, or what is wrong."""

    status: Literal["ready", "not_ready"]
    redis: str
    storage: str
    predictor: str
    warnings: list[str]


class Worker(WorkerRecord):
    """A live worker."""

    object: Literal["worker"] = "worker"
