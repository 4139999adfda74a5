"""The list of live workers: each worker sends a heartbeat every few seconds and is dropped soon after the last one."""

import json
from collections.abc import Iterable
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from model.later_values import OrLater
from worker.queue.kinds import Lane
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.scripts import Reply, ScriptCall

HEARTBEAT_EXPIRES_S = 15
"""A worker counts as live for this long after a heartbeat; a worker sends three heartbeats in this time."""


class WorkerState(StrEnum):
    """What a worker is doing."""

    IDLE = "idle"
    BUSY = "busy"
    OUT_OF_ORDER = "out_of_order"
    """Its child processes die before their work begins: the worker claims no more items."""


class WorkerRecord(BaseModel):
    """The content of a heartbeat. A worker of a later version may send more fields, and other states and lanes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    host: str
    devices: list[str]
    state: OrLater[WorkerState]
    job_id: str | None = None
    version: str
    started_at: AwareDatetime
    lanes: tuple[OrLater[Lane], ...] = (Lane.TRAINING,)
    """What the worker claims, first lane first."""


def send_heartbeat(worker: WorkerRecord) -> ScriptCall[None]:
    """Record that this worker is live, and what the worker is doing."""
    arguments = {
        "worker_id": worker.id,
        "expires_s": HEARTBEAT_EXPIRES_S,
        "is_idle": worker.state == WorkerState.IDLE,
        "can_claim": worker.state != WorkerState.OUT_OF_ORDER,
        "record": worker.model_dump_json(exclude={"lanes"}),  # earlier releases refuse unknown fields
        "lanes": list(worker.lanes),
        "devices": len(worker.devices),
    }
    return QUEUE_SCRIPTS.call("live_workers/heartbeat", arguments, lambda _: None)


def remove(worker_id: str) -> ScriptCall[None]:
    """Remove a worker that ends from the list."""
    return QUEUE_SCRIPTS.call("live_workers/leave", {"worker_id": worker_id}, lambda _: None)


def list_workers() -> ScriptCall[list[WorkerRecord]]:
    """List the live workers by id."""
    return QUEUE_SCRIPTS.call("live_workers/list_workers", {}, _read_workers)


def _read_workers(reply: Reply) -> list[WorkerRecord]:
    workers = [
        WorkerRecord.model_validate(json.loads(record) | {"lanes": lanes.split(",")})
        for record, lanes in zip(reply[::2], reply[1::2], strict=True)
    ]
    return sorted(workers, key=lambda worker: worker.id)


def training_devices(workers: Iterable[WorkerRecord]) -> list[list[str]]:
    """Return the devices of each worker that trains."""
    return [worker.devices for worker in workers if Lane.TRAINING in worker.lanes]


class LiveWorkers(StoreClient):
    """The list of live workers over a blocking client."""

    send_heartbeat = blocking_method(send_heartbeat)
    remove = blocking_method(remove)
    list_workers = blocking_method(list_workers)


class AsyncLiveWorkers(AsyncStoreClient):
    """The list of live workers over an asyncio client, read only."""

    list_workers = async_method(list_workers)
