"""Which workers live: each says so every few seconds and is no longer believed soon after it stops."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from worker.redis_server.scripts import AsyncFace, BlockingFace, Call, Reply, awaited, blocking

BELIEVED_S = 15
"""So long after its last word a worker counts as alive; let it speak three times in that time."""


class WorkerState(StrEnum):
    """What a worker is doing."""

    IDLE = "idle"
    BUSY = "busy"
    OUT_OF_ORDER = "out_of_order"
    """Its trainers die before they train: it claims nothing more."""


class WorkerRecord(BaseModel):
    """What a worker says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    host: str
    devices: list[str]
    state: WorkerState
    job_id: str | None = None
    version: str
    started_at: AwareDatetime


def announce(worker: WorkerRecord) -> Call[None]:
    """Say that this worker lives, and what it does."""
    can_claim = "" if worker.state == WorkerState.OUT_OF_ORDER else "yes"
    return Call(
        "announce",
        (worker.id, BELIEVED_S, can_claim, worker.model_dump_json(), len(worker.devices)),
        lambda _: None,
    )


def leave(worker_id: str) -> Call[None]:
    """Say that this worker ends."""
    return Call("leave", (worker_id,), lambda _: None)


def list_workers() -> Call[list[WorkerRecord]]:
    """Every worker that is believed to live, by id."""
    return Call("list_workers", (), _read_workers)


def _read_workers(reply: Reply) -> list[WorkerRecord]:
    workers = [WorkerRecord.model_validate_json(worker) for worker in reply]
    return sorted(workers, key=lambda worker: worker.id)


class Presence(BlockingFace):
    """The workers' own side."""

    announce = blocking(announce)
    leave = blocking(leave)
    list_workers = blocking(list_workers)


class AsyncPresence(AsyncFace):
    """The API's side."""

    list_workers = awaited(list_workers)
