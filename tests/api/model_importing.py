"""Runs imports of models in the test's own process, as a worker of the lane `light` does, with the real importing process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.api.claiming import claiming
from worker.attempt.drain import DrainSignal
from worker.kinds.model_import.context import ModelImportContext
from worker.kinds.model_import.importer_command import importer_spawner
from worker.kinds.model_import.supervisor import ModelImportSupervisor
from worker.queue.attempt_messages import ClaimedModelImport
from worker.queue.store import JobStore
from worker.redis_server.connection import connect


def ended(client: httpx.Client, url: str) -> dict[str, Any]:
    """Return an import once it has ended."""
    while True:
        found: dict[str, Any] = client.get(url, params={"wait_s": 5}).json()
        if found["status"] in ("succeeded", "failed", "cancelled"):
            return found


@contextmanager
def running_model_importer(redis_url: str, storage_url: str) -> Iterator[None]:
    """Claim and run imports of models while the block runs."""
    with connect(redis_url) as client:
        context = ModelImportContext(
            store=JobStore(client),
            storage_url=storage_url,
            cache_dir=Path("/nonexistent"),
            drain=DrainSignal(),
            lease_s=15,
            renew_every_s=0.1,
            spawner=importer_spawner(),
            timeout_s=100,
        )
        with claiming(context, ClaimedModelImport, ModelImportSupervisor):
            yield
