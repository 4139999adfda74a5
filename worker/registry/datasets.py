"""The registry of uploaded datasets by id and name. Built-in datasets have no record; their names are reserved."""

from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict

from model.data.built_in import BUILT_IN
from model.data.record import DatasetRecord, SkippedFile
from model.spec import DatasetFacts
from worker.errors import DatasetNameTakenError
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.scripts import Reply, ScriptCall
from worker.redis_server.timestamps import now
from worker.registry.scripts import REGISTRY_SCRIPTS

SKIPPED_SHOWN = 20
_PATH_CHARACTERS_SHOWN = 200
"""A path in a zip may have 64 KiB, and every list of datasets would repeat the paths."""


class RegisteredDataset(BaseModel):
    """An uploaded dataset. The list of all skipped files is in storage: it is too long for a record."""

    model_config = ConfigDict(frozen=True)

    facts: DatasetFacts
    images: int
    size_bytes: int
    skipped_count: int
    skipped: list[SkippedFile] = []
    """The first skipped files."""
    created_by: str | None
    created_at: AwareDatetime


@dataclass(frozen=True)
class DatasetPage:
    """A page of datasets, newest first. Pass the id of the last dataset as `after` for the next page."""

    datasets: list[RegisteredDataset]
    has_more: bool


@dataclass(frozen=True)
class Expected:
    """What the registry knows about an upload before its bytes arrive."""

    dataset_id: str | None
    """The dataset that has the name of the upload: the upload must turn out to be the same dataset."""
    is_repeat: bool
    """True when the Idempotency-Key was used for that dataset before."""


def expect(name: str, created_by: str | None, idempotency_key: str | None = None) -> ScriptCall[Expected]:
    """Look up, before an upload, which dataset the upload must be.

    Raises:
        DatasetNameTakenError: the name belongs to a built-in dataset.
        IdempotencyMismatchError: the key was used with another name before.
    """
    _check_name(name)
    arguments = {"name": name, "idempotency_id": idempotency_id(created_by, idempotency_key)}
    return REGISTRY_SCRIPTS.call(
        "expect_dataset", arguments, lambda reply: Expected(reply[0] or None, bool(reply[1]))
    )


def add(
    record: DatasetRecord, created_by: str | None, name: str | None = None, idempotency_key: str | None = None
) -> ScriptCall[RegisteredDataset]:
    """Enter an imported dataset under its own name or under `name`; the same dataset again returns the first entry.

    Raises:
        DatasetNameTakenError: the name belongs to another dataset, or to a built-in dataset.
        IdempotencyMismatchError: the key was used with another name or another dataset before.
    """
    facts = record.facts
    name = name or facts.name
    _check_name(name)
    entry = RegisteredDataset.model_validate(
        {
            "facts": facts.model_copy(update={"name": name}),
            "images": record.images,
            "size_bytes": record.size_bytes,
            "skipped_count": record.skipped_count,
            "skipped": [_shortened(file) for file in record.skipped[:SKIPPED_SHOWN]],
            "created_by": created_by,
            "created_at": now(),
        }
    )
    arguments = {
        "dataset_id": facts.id,
        "name": name,
        "record": entry.model_dump_json(),
        "idempotency_id": idempotency_id(created_by, idempotency_key),
        "keep_s": IDEMPOTENCY_KEPT_S,
    }
    return REGISTRY_SCRIPTS.call("add_dataset", arguments, _read_dataset)


def get(ref: str) -> ScriptCall[RegisteredDataset]:
    """Read the uploaded dataset with this id or name.

    Raises:
        DatasetNotFoundError: no uploaded dataset has this id or name.
    """
    return REGISTRY_SCRIPTS.call("get_dataset", {"ref": ref}, _read_dataset)


def _shortened(file: SkippedFile) -> SkippedFile:
    return SkippedFile(path=file.path[:_PATH_CHARACTERS_SHOWN], reason=file.reason)


def _check_name(name: str) -> None:
    if name in BUILT_IN:
        raise DatasetNameTakenError(name)


def _read_dataset(reply: Reply) -> RegisteredDataset:
    return RegisteredDataset.model_validate_json(reply[0])


def list_datasets(*, limit: int = 20, after: str = "") -> ScriptCall[DatasetPage]:
    """List the uploaded datasets, newest first.

    Raises:
        DatasetNotFoundError: no dataset has the id `after`.
    """

    def read(reply: Reply) -> DatasetPage:
        datasets = [RegisteredDataset.model_validate_json(dataset) for dataset in reply]
        return DatasetPage(datasets[:limit], len(datasets) > limit)

    return REGISTRY_SCRIPTS.call("list_datasets", {"limit": limit + 1, "after": after}, read)


class DatasetRegistry(StoreClient):
    """The registry of datasets over a blocking client."""

    expect = blocking_method(expect)
    add = blocking_method(add)
    get = blocking_method(get)
    list_datasets = blocking_method(list_datasets)


class AsyncDatasetRegistry(AsyncStoreClient):
    """The registry of datasets over an asyncio client."""

    expect = async_method(expect)
    add = async_method(add)
    get = async_method(get)
    list_datasets = async_method(list_datasets)
