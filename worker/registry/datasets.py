"""The registry of uploaded datasets by id and name. Built-in datasets have no record; their names are reserved."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.data.checks.facts import warn_of_facts
from model.data.files.characters import shorten
from model.data.record import DatasetRecord, SkippedFile
from model.spec import DatasetFacts
from worker.errors import DatasetNotFoundError
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Reply, ScriptCall
from worker.registry.scripts import REGISTRY_SCRIPTS

SKIPPED_SHOWN = 20
_PATH_CHARACTERS_SHOWN = 200
"""A path in a zip may have 64 KiB, and every list of datasets would repeat the paths."""


class RegisteredDataset(BaseModel):
    """An uploaded dataset, under one of its names. The list of all skipped files is in storage: it is too long for a record."""

    model_config = ConfigDict(frozen=True)

    facts: DatasetFacts
    images: int
    size_bytes: int
    skipped_count: int
    skipped: list[SkippedFile] = []
    """The first skipped files."""
    warnings: list[str] = []
    created_by: str | None
    created_at: AwareDatetime
    names: list[str] = Field(default=[], exclude=True)
    """All names, the first one first. They are not part of the stored record."""


@dataclass(frozen=True)
class DatasetPage:
    """A page of datasets, newest first. Pass the id of the last dataset as `after` for the next page."""

    datasets: list[RegisteredDataset]
    has_more: bool


@dataclass(frozen=True)
class PendingDataset:
    """A dataset that does not exist yet, or never will: its import says which."""

    import_id: str


def find(ref: str, project: str = DEFAULT_PROJECT) -> ScriptCall[RegisteredDataset | PendingDataset]:
    """Find what has this id or name: a dataset, or an import that has made none.

    Raises:
        DatasetNotFoundError: no uploaded dataset and no import has this id or name.
    """

    def read(reply: Reply) -> RegisteredDataset | PendingDataset:
        if reply[0] == "import":
            return PendingDataset(reply[1])
        return _read_registered(*reply[1:4])

    return REGISTRY_SCRIPTS.call("get_dataset", {"ref": ref, "project": project}, read)


def get(ref: str, project: str = DEFAULT_PROJECT) -> ScriptCall[RegisteredDataset]:
    """Read the uploaded dataset with this id or name.

    Raises:
        DatasetNotFoundError: no ready dataset has this id or name.
    """

    def read(reply: Reply) -> RegisteredDataset:
        if reply[0] == "import":
            raise DatasetNotFoundError(ref)
        return _read_registered(*reply[1:4])

    return REGISTRY_SCRIPTS.call("get_dataset", {"ref": ref, "project": project}, read)


def _read_registered(record: str, entry: str, other_names: str) -> RegisteredDataset:
    """Parse the first record of a dataset and the record under the name that was asked for; `""` if it is the first.

    The facts are those of the first record, which later releases bring up to date.
    """
    first = RegisteredDataset.model_validate_json(record)
    shown = RegisteredDataset.model_validate_json(entry) if entry else first
    facts = first.facts.model_copy(update={"name": shown.facts.name})
    warnings = list(dict.fromkeys([*shown.warnings, *warn_of_facts(facts)]))
    names = [first.facts.name, *filter(None, other_names.split(","))]
    return shown.model_copy(update={"facts": facts, "warnings": warnings, "names": names})


def registered(
    record: DatasetRecord, name: str, created_by: str | None, created_at: datetime
) -> RegisteredDataset:
    """Return what the registry keeps of an imported dataset, under the name of its import."""
    return RegisteredDataset.model_validate(
        {
            "facts": record.facts.model_copy(update={"name": name}),
            "images": record.images,
            "size_bytes": record.size_bytes,
            "skipped_count": record.skipped_count,
            "skipped": [_shortened(file) for file in record.skipped[:SKIPPED_SHOWN]],
            "warnings": record.warnings,
            "created_by": created_by,
            "created_at": created_at,
        }
    )


def _shortened(file: SkippedFile) -> SkippedFile:
    return SkippedFile(path=shorten(file.path, _PATH_CHARACTERS_SHOWN), reason=file.reason)


def list_datasets(
    *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[DatasetPage]:
    """List the uploaded datasets, newest first.

    Raises:
        DatasetNotFoundError: no dataset has the id `after`.
    """

    def read(reply: Reply) -> DatasetPage:
        datasets = [
            _read_registered(record, "", names) for record, names in zip(reply[::2], reply[1::2], strict=True)
        ]
        return DatasetPage(datasets[:limit], len(datasets) > limit)

    return REGISTRY_SCRIPTS.call(
        "list_datasets", {"project": project, "limit": limit + 1, "after": after}, read
    )


class DatasetRegistry(StoreClient):
    """The registry of datasets over a blocking client."""

    find = blocking_method(find)
    get = blocking_method(get)
    list_datasets = blocking_method(list_datasets)


class AsyncDatasetRegistry(AsyncStoreClient):
    """The registry of datasets over an asyncio client."""

    find = async_method(find)
    get = async_method(get)
    list_datasets = async_method(list_datasets)
