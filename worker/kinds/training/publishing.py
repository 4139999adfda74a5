"""Publishes a committed model: writes its manifest and ends the job. Every step may be repeated."""

import logging
from collections.abc import Callable
from typing import Any

from model.artifact.manifest import MANIFEST_FILE, ManifestDraft, model_key
from model.comparison.ancestry import ANCESTORS, Ancestry, ancestry_from
from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.queue.attempt_messages import ClaimedJob, Committed
from worker.queue.store import JobStore
from worker.redis_server.retry import retry_while_unavailable

_log = logging.getLogger(__name__)


def complete_draft(
    draft: ManifestDraft, claimed: ClaimedJob, model_id: str, ancestry: Ancestry | None = None
) -> dict[str, Any]:
    """Return the manifest of the staged model, complete but for its version and time, which the commit assigns.

    The lineage names the models from whose weights the model comes, and their datasets: they may be deleted later.
    """
    noted = {ANCESTORS: [one.model_dump() for one in ancestry.ancestors]} if ancestry else {}
    return {
        "object": "model",
        "id": model_id,
        "name": claimed.name,
        "created_by": claimed.created_by,
        "job_id": claimed.item_id,
        **draft.model_dump(mode="json"),
        "lineage": {**draft.lineage, **noted},
    }


def find_ancestry(draft: ManifestDraft, storage: Storage) -> Ancestry | None:
    """Return from which models the weights of the staged model come; None when it has none, or storage fails."""
    try:
        return ancestry_from(draft.spec.init_from, storage) if draft.spec.init_from else None
    except StorageError as error:
        _log.warning("the models from which %s comes are not noted: %s", draft.spec.name, error)
        return None


def complete_publish(
    store: JobStore,
    storage: Storage,
    job_id: str,
    attempt_id: str,
    committed: Committed,
    *,
    may_wait: Callable[[], bool],
) -> None:
    """Write the manifest and end the job. After the commit point nothing cancels the job any more.

    Raises:
        StaleAttemptError: another attempt holds the job, and completes the publish.
        StorageError: the manifest cannot be written now.
        StoreUnavailableError: Redis is unreachable, and `may_wait` returned False.
    """
    storage.put_bytes(model_key(committed.manifest["id"], MANIFEST_FILE), committed.manifest_json.encode())
    reach(Failpoint.PUBLISH_WRITTEN)
    retry_while_unavailable(lambda: store.succeed(job_id, attempt_id), may_wait)
    reach(Failpoint.FINISH_RECORDED)
