"""Deletes the files of models and datasets. Every step may be repeated, also by several processes at once.

The record of a model goes after its files, that of a dataset before them: nothing names a dataset that is being deleted.
"""

import logging
from contextlib import suppress

from pydantic import ValidationError

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.data.record import RECORD_FILE, dataset_key
from model.errors import ObjectMissingError, StorageError
from model.storage.interface import Storage
from worker.errors import DatasetNotFoundError
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.datasets import DatasetRegistry
from worker.registry.model_registry import ModelRegistry
from worker.registry.training_states import state_folder

_log = logging.getLogger(__name__)


def delete_model_files(storage: Storage, model_id: str) -> None:
    """Delete a model: the training state, then the manifest, then its files, which are no model without a manifest."""
    with suppress(ObjectMissingError, ValidationError):
        manifest = Manifest.model_validate_json(storage.read_bytes(model_key(model_id, MANIFEST_FILE)))
        if manifest.job_id:
            storage.delete(f"{state_folder(manifest.job_id, model_id)}/")
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


def delete_dataset_files(storage: Storage, dataset_id: str) -> None:
    """Delete all files of a dataset, the record first: files without a record are not a dataset."""
    storage.delete(dataset_key(dataset_id, RECORD_FILE))
    storage.delete(f"datasets/{dataset_id}/")


def finish_dataset_deletions(
    registry: DatasetRegistry, storage: Storage, project: str = DEFAULT_PROJECT
) -> None:
    """Finish every interrupted deletion of a dataset of a project."""
    for dataset_id in registry.unfinished_deletions(project):
        try:
            with suppress(DatasetNotFoundError):
                registry.get(dataset_id, project)
                registry.end_deletion(dataset_id, project)  # a backup was taken while it was deleted
                continue
            delete_dataset_files(storage, dataset_id)
        except StorageError as error:  # a later start tries again; this start must not fail because of it
            _log.warning("the deletion of dataset %s cannot be finished: %s", dataset_id, error)
        else:
            registry.end_deletion(dataset_id, project)
