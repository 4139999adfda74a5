"""The registry of models and aliases, blocking and async. Everything but the aliases can be rebuilt from storage."""

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE
from model.storage.interface import Storage
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry import aliases, models, shadow
from worker.registry.review import calls as review


class ModelRegistry(StoreClient):
    """The registry of models over a blocking client."""

    resolve = blocking_method(models.resolve)
    list_models = blocking_method(models.list_models)
    list_models_of_dataset = blocking_method(models.list_models_of_dataset)
    list_aliases = blocking_method(aliases.list_aliases)
    get_alias = blocking_method(aliases.get_alias)
    set_alias = blocking_method(aliases.set_alias)
    roll_back_alias = blocking_method(aliases.roll_back_alias)
    delete_alias = blocking_method(aliases.delete_alias)
    alias_history = blocking_method(aliases.alias_history)
    production_names = blocking_method(aliases.production_names)
    note_shadow = blocking_method(shadow.note_shadow)
    shadow_counts = blocking_method(shadow.shadow_counts)
    shadow_disagreements = blocking_method(shadow.shadow_disagreements)
    configure_review = blocking_method(review.configure_review)
    review_settings = blocking_method(review.review_settings)
    review_state = blocking_method(review.review_state)
    is_seen = blocking_method(review.is_seen)
    keep_image = blocking_method(review.keep_image)
    label_image = blocking_method(review.label_image)
    list_review_images = blocking_method(review.list_review_images)
    has_review_image = blocking_method(review.has_review_image)
    take_labelled = blocking_method(review.take_labelled)
    settle_version = blocking_method(review.settle_version)
    note_version_job = blocking_method(review.note_version_job)
    trim_review = blocking_method(review.trim_review)
    end_review = blocking_method(review.end_review)
    reviewed_names = blocking_method(review.reviewed_names)
    begin_deletion = blocking_method(models.begin_deletion)
    end_deletion = blocking_method(models.end_deletion)
    unfinished_deletions = blocking_method(models.unfinished_deletions)
    register = blocking_method(models.register)
    is_empty = blocking_method(models.is_empty)

    def reindex(self, storage: Storage, project: str = DEFAULT_PROJECT) -> int:
        """Enter every complete model in the storage of a project that the registry does not know; return the number of new entries.

        A manifest without weights is not a complete model: its deletion was interrupted, or raced with a late publish.
        """
        keys = set(storage.list("models/"))
        folders = {key.removesuffix(MANIFEST_FILE) for key in keys if key.endswith(f"/{MANIFEST_FILE}")}
        complete = sorted(folder for folder in folders if folder + WEIGHTS_FILE in keys)
        manifests = (storage.read_bytes(folder + MANIFEST_FILE).decode() for folder in complete)
        return sum(self.register(manifest, project) for manifest in manifests)

    def reindex_if_empty(self, storage: Storage, project: str = DEFAULT_PROJECT) -> int:
        """Reindex only when the registry never had a model: at the first start, or after a loss of Redis."""
        return self.reindex(storage, project) if self.is_empty(project) else 0


class AsyncModelRegistry(AsyncStoreClient):
    """The registry of models over an asyncio client."""

    resolve = async_method(models.resolve)
    list_models = async_method(models.list_models)
    list_models_of_dataset = async_method(models.list_models_of_dataset)
    list_aliases = async_method(aliases.list_aliases)
    get_alias = async_method(aliases.get_alias)
    set_alias = async_method(aliases.set_alias)
    roll_back_alias = async_method(aliases.roll_back_alias)
    delete_alias = async_method(aliases.delete_alias)
    alias_history = async_method(aliases.alias_history)
    production_names = async_method(aliases.production_names)
    note_shadow = async_method(shadow.note_shadow)
    shadow_counts = async_method(shadow.shadow_counts)
    shadow_disagreements = async_method(shadow.shadow_disagreements)
    configure_review = async_method(review.configure_review)
    review_settings = async_method(review.review_settings)
    review_state = async_method(review.review_state)
    is_seen = async_method(review.is_seen)
    keep_image = async_method(review.keep_image)
    label_image = async_method(review.label_image)
    list_review_images = async_method(review.list_review_images)
    has_review_image = async_method(review.has_review_image)
    take_labelled = async_method(review.take_labelled)
    settle_version = async_method(review.settle_version)
    note_version_job = async_method(review.note_version_job)
    trim_review = async_method(review.trim_review)
    end_review = async_method(review.end_review)
    reviewed_names = async_method(review.reviewed_names)
    begin_deletion = async_method(models.begin_deletion)
    end_deletion = async_method(models.end_deletion)
