"""Uploaded datasets by id and name. Built-in ones need no record: their names are only kept free."""

from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict

from model.data.record import DatasetRecord, SkippedFile
from model.data.sources.built_in import BUILT_IN
from model.spec import DatasetFacts
from worker.errors import DatasetNameTakenError
from worker.queue.changes import IDEMPOTENCY_KEPT_S, idempotency_id, now
from worker.redis_server.scripts import AsyncFace, BlockingFace, Call, Reply, awaited, blocking

SKIPPED_SHOWN = 20
_PATH_SHOWN = 200
"""Of its characters: a zip's names may have 64 KiB, and every list of datasets would repeat them."""


class RegisteredDataset(BaseModel):
    """An uploaded dataset; the verdict on every file is in storage, too long for a record."""

    model_config = ConfigDict(frozen=True)

    facts: DatasetFacts
    images: int
    size_bytes: int
    skipped_count: int
    skipped: list[SkippedFile] = []
    """The first of them."""
    created_by: str | None
    created_at: AwareDatetime


@dataclass(frozen=True)
class DatasetPage:
    """A page of datasets, newest first; the next one comes `after` the last of these."""

    datasets: list[RegisteredDataset]
    has_more: bool


@dataclass(frozen=True)
class Expected:
    """What is known of an upload before its bytes are."""

    dataset_id: str | None
    """The dataset that has its name: only the same bytes may come under it."""
    is_repeat: bool
    """Its Idempotency-Key was used for that dataset before."""


def expect(name: str, created_by: str | None, idempotency_key: str | None = None) -> Call[Expected]:
    """What an upload under this name must turn out to be.

    Raises:
        DatasetNameTakenError: the name belongs to a built-in dataset.
        IdempotencyMismatchError: the key came with another name before.
    """
    _check_name(name)
    arguments = (name, idempotency_id(created_by, idempotency_key))
    return Call("expect_dataset", arguments, lambda reply: Expected(reply[0] or None, bool(reply[1])))


def add(
    record: DatasetRecord, created_by: str | None, name: str | None = None, idempotency_key: str | None = None
) -> Call[RegisteredDataset]:
    """Enter an imported dataset under its own or another name; the same bytes again give the first entry.

    Raises:
        DatasetNameTakenError: the name belongs to other bytes, or to a built-in dataset.
        IdempotencyMismatchError: the key came with another name or other bytes before.
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
    key = idempotency_id(created_by, idempotency_key)
    arguments = (facts.id, name, entry.model_dump_json(), key, IDEMPOTENCY_KEPT_S)
    return Call("add_dataset", arguments, _read_dataset)


def get(ref: str) -> Call[RegisteredDataset]:
    """The uploaded dataset of this id or name.

    Raises:
        DatasetNotFoundError: there is none.
    """
    return Call("get_dataset", (ref,), _read_dataset)


def _shortened(file: SkippedFile) -> SkippedFile:
    return SkippedFile(path=file.path[:_PATH_SHOWN], reason=file.reason)


def _check_name(name: str) -> None:
    if name in BUILT_IN:
        raise DatasetNameTakenError(name)


def _read_dataset(reply: Reply) -> RegisteredDataset:
    return RegisteredDataset.model_validate_json(reply[0])


def list_datasets(*, limit: int = 20, after: str = "") -> Call[DatasetPage]:
    """A page of the uploaded datasets, newest first.

    Raises:
        DatasetNotFoundError: `after` is the id of none.
    """

    def read(reply: Reply) -> DatasetPage:
        datasets = [RegisteredDataset.model_validate_json(dataset) for dataset in reply]
        return DatasetPage(datasets[:limit], len(datasets) > limit)

    return Call("list_datasets", (limit + 1, after), read)


class DatasetRegistry(BlockingFace):
    """The registry over a blocking client."""

    expect = blocking(expect)
    add = blocking(add)
    get = blocking(get)
    list_datasets = blocking(list_datasets)


class AsyncDatasetRegistry(AsyncFace):
    """The registry over an asyncio client."""

    expect = awaited(expect)
    add = awaited(add)
    get = awaited(get)
    list_datasets = awaited(list_datasets)
