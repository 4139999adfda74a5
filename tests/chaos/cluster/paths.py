"""Where the API shows each kind of work."""

from worker.queue.ids import EVALUATION_PREFIX, IMPORT_PREFIX


def item_path(item_id: str, model_id: str = "") -> str:
    """Return the path of a job, an import or an evaluation; only evaluations are below their model."""
    if item_id.startswith(EVALUATION_PREFIX):
        return f"/models/{model_id}/evaluations/{item_id}"
    return f"/{'datasets' if item_id.startswith(IMPORT_PREFIX) else 'jobs'}/{item_id}"
