"""Describes this worker in the list of live workers: its host, devices and version."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from model.host.installation import installed_version
from worker.queue.kinds import Lane
from worker.queue.live_workers import WorkerRecord, WorkerState
from worker.settings import WorkerSettings


def describe_worker(settings: WorkerSettings, lanes: tuple[Lane, ...]) -> WorkerRecord:
    """Return the record of this worker."""
    host = socket.gethostname()
    return WorkerRecord(
        id=f"{host}-{os.getpid()}",
        host=host,
        devices=[_shown_device(name) for name in settings.devices.split(",")],
        state=WorkerState.IDLE,
        version=installed_version(),
        started_at=datetime.now(UTC),
        lanes=lanes,
    )


def _shown_device(name: str) -> str:
    """Guess what `auto` stands for; the trainer decides, because only it can ask torch."""
    if name != "auto":
        return name
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "cuda" if any(Path("/dev").glob("nvidia[0-9]*")) and not is_hidden else "cpu"
