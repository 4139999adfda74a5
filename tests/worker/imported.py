"""Imports, and datasets that are registered by the calls of an import."""

from datetime import UTC, datetime

from model.data.record import DatasetRecord
from model.spec import DatasetFacts
from worker.queue.calls.imports import NewImport
from worker.queue.ids import new_attempt_id, new_import_id
from worker.queue.kinds import Lane
from worker.queue.store import JobStore
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.datasets import DatasetRegistry, RegisteredDataset, registered


def dataset_record(dataset_id: str = "ds_1", name: str = "pets") -> DatasetRecord:
    facts = DatasetFacts(
        id=dataset_id,
        name=name,
        classes=["cat", "dog"],
        train_counts=[8, 8],
        test_counts=[2, 2],
        median_width=32,
        median_height=32,
        content_hash="00",
    )
    return DatasetRecord(facts=facts, images=20, size_bytes=2_000, skipped=[], skipped_count=1)


def new_import(
    name: str = "pets",
    sha256: str = "00",
    created_by: str | None = "alice",
    project: str = DEFAULT_PROJECT,
) -> NewImport:
    """Return a new import of an upload with this hash."""
    return NewImport(new_import_id(), name, 1_000, sha256, created_by, project)


def entry_of(record: DatasetRecord, name: str = "pets", created_by: str | None = "alice") -> str:
    """Return the registry's record of a dataset, as JSON."""
    return registered(record, name, created_by, datetime(2026, 1, 1, tzinfo=UTC)).model_dump_json()


def claim_import(store: JobStore) -> tuple[str, str]:
    """Claim the first queued import; return the ids of the import and of the new attempt."""
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id, lanes=(Lane.LIGHT,))
    assert claimed is not None
    return claimed.item_id, attempt_id


def complete_import(store: JobStore, record: DatasetRecord, *, project: str = DEFAULT_PROJECT) -> str:
    """Run the first queued import to its end, which registers the dataset of the record; return the import's id."""
    import_id, attempt_id = claim_import(store)
    running = store.get_import(import_id, project)
    entry = registered(record, running.name, running.created_by, running.created_at).model_dump_json()
    store.succeed_import(import_id, attempt_id, record.facts.id, entry)
    return import_id


def import_record(
    store: JobStore,
    record: DatasetRecord,
    created_by: str | None = "alice",
    *,
    name: str = "",
    project: str = DEFAULT_PROJECT,
) -> RegisteredDataset:
    """Register the dataset of a record, as the import of an upload does."""
    name = name or record.facts.name
    store.submit_import(new_import(name, f"{record.facts.id} {name}", created_by, project))
    store.note_settled(complete_import(store, record, project=project))
    return DatasetRegistry(store.redis).get(name, project)
