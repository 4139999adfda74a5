"""Runs imports in the test's own process, as a worker of the lane `light` does, with the real import process."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from worker.attempt.drain import DrainSignal
from worker.errors import StoreUnavailableError
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.dataset_import.importer_command import IMPORTER_COMMAND, importer_spawner
from worker.kinds.dataset_import.sources.opening import SourceAccess
from worker.kinds.dataset_import.supervisor import ImportSupervisor
from worker.queue.attempt_messages import ClaimedImport
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.settings import ServiceSettings

POLL_EVERY_S = 0.02


@contextmanager
def running_importer(
    settings: ServiceSettings,
    command: Sequence[str] = IMPORTER_COMMAND,
    sources: SourceAccess | None = None,
) -> Iterator[None]:
    """Claim and run imports while the block runs."""
    spawner, is_stopped = importer_spawner(command), threading.Event()
    with connect(settings.redis_url) as client:
        context = ImportContext(
            store=JobStore(client),
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=0.1,
            spawner=spawner,
            timeout_s=60,
            sources=sources or SourceAccess(),
        )
        thread = threading.Thread(target=_run, args=(context, is_stopped))
        thread.start()
        try:
            yield
        finally:
            is_stopped.set()
            context.drain.request()
            thread.join()
            spawner.close()


def _run(context: ImportContext, is_stopped: threading.Event) -> None:
    while not is_stopped.wait(POLL_EVERY_S):
        with suppress(StoreUnavailableError):
            attempt_id, claim_sent_at = new_attempt_id(), time.monotonic()
            claimed = context.store.claim("test-host", attempt_id, lanes=(Lane.LIGHT,))
            if isinstance(claimed, ClaimedImport):
                ImportSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()
