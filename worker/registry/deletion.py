"""The deletion of a retired model: its files, then its record. Every step may be repeated, also by several at once."""

import logging

from model.artifact.manifest import MANIFEST_FILE, model_key
from model.errors import StorageError
from model.storage import Storage
from worker.registry.models import ModelRegistry

_log = logging.getLogger(__name__)


def delete_model_files(storage: Storage, model_id: str) -> None:
    """Delete all that a model has in storage: its manifest first, so that half a model is none."""
    storage.delete(model_key(model_id, MANIFEST_FILE))
    storage.delete(f"models/{model_id}/")


def finish_deletions(registry: ModelRegistry, storage: Storage) -> list[str]:
    """End every deletion that was cut short; the answer is the ids of the models that are gone by it."""
    return [model_id for model_id in registry.retired() if _is_finished(registry, storage, model_id)]


def _is_finished(registry: ModelRegistry, storage: Storage, model_id: str) -> bool:
    try:
        delete_model_files(storage, model_id)
    except StorageError as error:  # a later start tries again; this one must not fail for it
        _log.warning("the deletion of model %s cannot be finished: %s", model_id, error)
        return False
    registry.forget(model_id)
    return True
