"""Deletes the images of reviews that were used or are too old, without waiting for a request. Every step may be repeated."""

from contextlib import suppress

from model.storage.interface import Storage
from worker.errors import JobNotFoundError
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry
from worker.registry.review.records import image_folder, image_key, is_version_made


def clean_reviews(store: JobStore, storage: Storage, max_bytes: int, project: str) -> None:
    """Delete the files of all images of a project that are no longer needed.

    Args:
        store: of the work items, over the Redis of the registry.
        storage: of the project.
        max_bytes: most bytes of the images of one name.
        project: whose reviews are cleaned.

    Raises:
        StorageError: storage fails.
        StoreUnavailableError: Redis cannot be reached.
    """
    registry = ModelRegistry(store.redis)
    for name in registry.reviewed_names(project):
        used = _settle(registry, store, name, project)
        is_gone, old = registry.trim_review(name, max_bytes, project)
        for image_id in (*used, *old):
            storage.delete(image_key(name, image_id))
        if is_gone:
            registry.end_review(name, project)
            storage.delete(f"{image_folder(name)}/")


def _settle(registry: ModelRegistry, store: JobStore, name: str, project: str) -> list[str]:
    """Note the end of the import that made a dataset version; return the ids of the images that were used."""
    state = registry.review_state(name, project)
    if state is None or state.making is None:
        return []
    with suppress(JobNotFoundError):
        found = store.get_import(state.making.import_id, project)
        if found.is_finished:
            is_made = is_version_made(found)
            return registry.settle_version(name, state.making.import_id, is_made=is_made, project=project)
    return []
