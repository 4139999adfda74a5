"""The registry of uploaded datasets by id and name. Built-in datasets have no record; their names are reserved."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.data.checks.facts import warn_of_facts
from model.data.files.characters import shorten
from model.data.record import DatasetRecord, SkippedFile
from model.spec import DatasetFacts
from worker.errors import DatasetNotFoundError
from worker.queue.states import TERMINAL, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, Reply, ScriptCall
from worker.registry.scripts import REGISTRY_SCRIPTS

T = TypeVar("T")
_VERSION = re.compile("[1-9][0-9]{0,8}")
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
    source: str | None = None
    """The address from which the images were read, when they were not uploaded."""
    created_by: str | None
    created_at: AwareDatetime
    parent: str | None = None
    """The id of the dataset of which this is the next version."""
    note: str | None = None
    names: list[str] = Field(default=[], exclude=True)
    """All names, the first one first. They are not part of the stored record."""
    version: int | None = Field(default=None, exclude=True)
    """Under the name that is shown. It is not part of the stored record."""


@dataclass(frozen=True)
class DatasetPage:
    """A page of datasets, newest first. Pass the id of the last dataset as `after` for the next page."""

    datasets: list[RegisteredDataset]
    has_more: bool


@dataclass(frozen=True)
class PendingDataset:
    """A dataset that does not exist yet, or never will: its import says which."""

    import_id: str


@dataclass(frozen=True)
class DatasetRef:
    """What a reference names: an id or a name, and for a name perhaps one of its versions."""

    name: str
    version: str = ""
    """A number; empty for the latest version."""


def parse_ref(ref: str) -> DatasetRef:
    """Parse `ds_…`, `imp_…`, `pets`, `pets@3` or `pets@latest`.

    Raises:
        DatasetNotFoundError: what follows the `@` is no version.
    """
    name, at, version = ref.partition("@")
    if not at or version == "latest":
        return DatasetRef(name)
    if not _VERSION.fullmatch(version):
        raise DatasetNotFoundError(ref)
    return DatasetRef(name, version)


def _read(ref: str, project: str, read: Callable[[Reply], T]) -> ScriptCall[T]:
    parsed = parse_ref(ref)
    arguments = {"ref": ref, "name": parsed.name, "version": parsed.version, "project": project}
    return REGISTRY_SCRIPTS.call("get_dataset", arguments, read)


def find(ref: str, project: str = DEFAULT_PROJECT) -> ScriptCall[RegisteredDataset | PendingDataset]:
    """Find what has this id or name: a dataset, or an import that has made none.

    Raises:
        DatasetNotFoundError: no uploaded dataset and no import has this id or name.
    """

    def read(reply: Reply) -> RegisteredDataset | PendingDataset:
        if reply[0] == "import":
            return PendingDataset(reply[1])
        return _read_registered(*reply[1:5])

    return _read(ref, project, read)


def get(ref: str, project: str = DEFAULT_PROJECT) -> ScriptCall[RegisteredDataset]:
    """Read the uploaded dataset with this id or name.

    Raises:
        DatasetNotFoundError: no ready dataset has this id or name.
    """

    def read(reply: Reply) -> RegisteredDataset:
        if reply[0] == "import":
            raise DatasetNotFoundError(ref)
        return _read_registered(*reply[1:5])

    return _read(ref, project, read)


def _read_registered(record: str, entry: str, other_names: str, version: str) -> RegisteredDataset:
    """Parse the first record of a dataset and the record under the name that was asked for; `""` if it is the first.

    The facts are those of the first record, which later releases bring up to date.
    """
    first = RegisteredDataset.model_validate_json(record)
    shown = RegisteredDataset.model_validate_json(entry) if entry else first
    facts = first.facts.model_copy(update={"name": shown.facts.name})
    warnings = list(dict.fromkeys([*shown.warnings, *warn_of_facts(facts)]))
    names = [first.facts.name, *filter(None, other_names.split(","))]
    return shown.model_copy(
        update={
            "facts": facts,
            "warnings": warnings,
            "names": names,
            "version": int(version) if version else None,
        }
    )


def registered(
    record: DatasetRecord,
    name: str,
    created_by: str | None,
    created_at: datetime,
    *,
    source: str | None = None,
    parent: str | None = None,
    note: str | None = None,
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
            "source": source,
            "created_by": created_by,
            "created_at": created_at,
            "parent": parent,
            "note": note,
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
            _read_registered(record, "", names, version)
            for record, names, version in zip(reply[::3], reply[1::3], reply[2::3], strict=True)
        ]
        return DatasetPage(datasets[:limit], len(datasets) > limit)

    return REGISTRY_SCRIPTS.call(
        "list_datasets", {"project": project, "limit": limit + 1, "after": after}, read
    )


def list_versions(
    name: str, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[DatasetPage]:
    """List the versions of a name, the latest first.

    Raises:
        DatasetNotFoundError: no dataset has this name, or none of its versions has the id `after`.
    """

    def read(reply: Reply) -> DatasetPage:
        rows = zip(reply[::4], reply[1::4], reply[2::4], reply[3::4], strict=True)
        versions = [_read_registered(*row) for row in rows]
        return DatasetPage(versions[:limit], len(versions) > limit)

    arguments = {"project": project, "name": name, "limit": limit + 1, "after": after}
    return REGISTRY_SCRIPTS.call("list_dataset_versions", arguments, read)


def begin_deletion(dataset_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[None]:
    """Delete the record of a dataset, as the first step of its deletion; its names move to their latest other version.

    The caller then deletes the files, and then calls `end_deletion`. Each of these steps can be repeated.

    Raises:
        DatasetNotFoundError: no dataset has this id.
        DatasetInUseError: a job, an import or an evaluation that has not ended needs the dataset.
    """
    arguments = {"project": project, "dataset_id": dataset_id, "live": sorted(set(Status) - TERMINAL)}
    return REGISTRY_SCRIPTS.call("retire_dataset", arguments, lambda _: None)


def end_deletion(dataset_id: str, project: str = DEFAULT_PROJECT) -> Commands[None]:
    """Note that the files of a deleted dataset are deleted."""
    return Commands((("SREM", scoped(project, redis_keys.RETIRED_DATASETS), dataset_id),), lambda _: None)


def unfinished_deletions(project: str = DEFAULT_PROJECT) -> Commands[list[str]]:
    """List the ids of the datasets whose deletion has begun but not ended."""
    key = scoped(project, redis_keys.RETIRED_DATASETS)
    return Commands((("SMEMBERS", key),), lambda results: sorted(results[0]))


class DatasetRegistry(StoreClient):
    """The registry of datasets over a blocking client."""

    begin_deletion = blocking_method(begin_deletion)
    end_deletion = blocking_method(end_deletion)
    unfinished_deletions = blocking_method(unfinished_deletions)
    list_versions = blocking_method(list_versions)
    find = blocking_method(find)
    get = blocking_method(get)
    list_datasets = blocking_method(list_datasets)


class AsyncDatasetRegistry(AsyncStoreClient):
    """The registry of datasets over an asyncio client."""

    begin_deletion = async_method(begin_deletion)
    end_deletion = async_method(end_deletion)
    unfinished_deletions = async_method(unfinished_deletions)
    list_versions = async_method(list_versions)
    find = async_method(find)
    get = async_method(get)
    list_datasets = async_method(list_datasets)
