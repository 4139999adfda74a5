"""Runs imports in the test's own process, as a worker of the lane `light` does, with the real import process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.api.claiming import claiming
from worker.attempt.drain import DrainSignal
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.dataset_import.importer_command import IMPORTER_COMMAND, importer_spawner
from worker.kinds.dataset_import.sources.opening import SourceAccess
from worker.kinds.dataset_import.supervisor import ImportSupervisor
from worker.queue.attempt_messages import ClaimedImport
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.settings import ServiceSettings


@contextmanager
def running_importer(
    settings: ServiceSettings,
    command: Sequence[str] = IMPORTER_COMMAND,
    sources: SourceAccess | None = None,
) -> Iterator[None]:
    """Claim and run imports while the block runs."""
    with connect(settings.redis_url) as client:
        context = ImportContext(
            store=JobStore(client),
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=0.1,
            spawner=importer_spawner(command),
            timeout_s=60,
            sources=sources or SourceAccess(),
        )
        with claiming(context, ClaimedImport, ImportSupervisor):
            yield
