"""Deletes a model: its files, then its record. Every step may be repeated, also by several processes at once."""

import logging

from model.artifact.manifest import MANIFEST_FILE, model_key
from model.errors import StorageError
from model.storage.interface import Storage
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.model_registry import ModelRegistry

_log = logging.getLogger(__name__)


def delete_model_files(storage: Storage, model_id: str) -> None:
    """Delete all files of a model, the manifest first: files without a manifest are not a model."""
    storage.delete(model_key(model_id, MANIFEST_FILE))
    storage.delete(f"models/{model_id}/")


def finish_deletions(registry: ModelRegistry, storage: Storage, project: str = DEFAULT_PROJECT) -> list[str]:
    """Finish every interrupted deletion of a project and return the ids of the models that are now deleted."""
    unfinished = registry.unfinished_deletions(project)
    return [model_id for model_id in unfinished if _finish(registry, storage, model_id, project)]


def _finish(registry: ModelRegistry, storage: Storage, model_id: str, project: str) -> bool:
    try:
        delete_model_files(storage, model_id)
    except StorageError as error:  # a later start tries again; this start must not fail because of it
        _log.warning("the deletion of model %s cannot be finished: %s", model_id, error)
        return False
    registry.end_deletion(model_id, project)
    return True
