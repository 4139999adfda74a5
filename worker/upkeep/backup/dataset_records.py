"""Reads the datasets of a project for a backup: their records, names and versions fit together, whatever happens meanwhile."""

from collections.abc import Collection, Iterator

from worker.queue.ids import IMPORT_PREFIX
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import scoped
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.records import HashRecord, Record, SortedSetRecord


def read_datasets(reader: RecordReader, project: str, imports: Collection[str]) -> Iterator[Record]:
    """Yield all records of the datasets of a project; `imports` are the ids of the imports in the backup.

    Names are read before the list of datasets, and versions after it: what is added meanwhile is found, and what is
    deleted meanwhile is left out. A name finds its latest version that is in the backup.
    """

    def read(key: str) -> Record | None:
        return reader.read(scoped(project, key))

    last, names, datasets = (
        read(key) for key in (redis_keys.LAST_DATASET_VERSIONS, redis_keys.DATASET_NAMES, redis_keys.DATASETS)
    )
    listed = datasets.value if isinstance(datasets, SortedSetRecord) else {}
    found: dict[str, float] = {}
    for dataset_id, number in listed.items():
        prefixes = (redis_keys.DATASET, redis_keys.DATASET_ENTRIES)
        records = [record for prefix in prefixes if (record := read(prefix + dataset_id))]
        if records:
            found[dataset_id] = number
        yield from records
    owners = dict(names.value) if isinstance(names, HashRecord) else {}
    numbers = dict(last.value) if isinstance(last, HashRecord) else {}
    for name in sorted({*owners, *numbers}):
        record = read(redis_keys.DATASET_VERSIONS + name)
        if isinstance(record, SortedSetRecord):
            numbers[name] = str(max([int(numbers.get(name, 0)), *map(int, record.value.values())]))
            if kept := {one: version for one, version in record.value.items() if one in found}:
                yield record.model_copy(update={"value": kept})
                owners[name] = max(kept, key=lambda one: kept[one])
    owners = {name: owner for name, owner in owners.items() if owner in found or _is_import(owner, imports)}
    hashes = {redis_keys.LAST_DATASET_VERSIONS: numbers, redis_keys.DATASET_NAMES: owners}
    yield from (HashRecord(key=scoped(project, key), value=value) for key, value in hashes.items() if value)
    if found:
        yield SortedSetRecord(key=scoped(project, redis_keys.DATASETS), value=found)


def _is_import(owner: str, imports: Collection[str]) -> bool:
    return owner.startswith(IMPORT_PREFIX) and owner in imports
