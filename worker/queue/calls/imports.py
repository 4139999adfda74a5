"""What only dataset imports have: submit, success, pages of imports, and what is left to do after their end."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from model.data.import_options import NO_OPTIONS, ImportOptions
from worker.queue.calls.attempts import read_status
from worker.queue.calls.requests import Idempotency, read_submitted, submission_arguments
from worker.queue.ids import parts_folder, upload_key
from worker.queue.kinds import (
    PLAIN_VERSION,
    QUEUE_LIMITS,
    VERSION_WITH_OPTIONS,
    VERSION_WITH_OTHER_SOURCES,
    Kind,
)
from worker.queue.records import DatasetImport
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, Reply, ScriptCall


@dataclass(frozen=True)
class NewImport:
    """An upload in storage, to be imported as a dataset."""

    import_id: str
    name: str
    size_bytes: int
    sha256: str
    """Of the upload's bytes."""
    created_by: str | None = None
    project: str = DEFAULT_PROJECT
    options: ImportOptions = NO_OPTIONS
    has_parts: bool = False
    """Whether the upload arrived in parts; `import_id` is then the upload's id, too."""
    parent: str | None = None
    """The id of the dataset of which the next version is made; the version gets the same name."""
    note: str | None = None
    source: str | None = None
    """The address from which a worker reads the images; there is no upload then."""

    @property
    def upload(self) -> str | None:
        """The storage key of the zip, or the folder of its parts."""
        if self.source is not None:
            return None
        return parts_folder(self.import_id) if self.has_parts else upload_key(self.import_id)

    @property
    def schema_version(self) -> int:
        """The version of the item: earlier workers leave alone what they do not understand."""
        if self.has_parts or self.parent or self.source is not None:
            return VERSION_WITH_OTHER_SOURCES
        return VERSION_WITH_OPTIONS if self.options_json else PLAIN_VERSION

    @property
    def options_json(self) -> str | None:
        """The options as JSON; None when there are none."""
        return self.options.model_dump_json(exclude_none=True) if self.options != NO_OPTIONS else None

    @property
    def fingerprint(self) -> str:
        """What makes an upload another one: its bytes, its options, and what it corrects."""
        parts = [self.options_json, self.parent and json.dumps([self.parent, self.note])]
        if not any(parts):
            return self.sha256
        return hashlib.sha256(" ".join([self.sha256, *filter(None, parts)]).encode()).hexdigest()


@dataclass(frozen=True)
class SubmittedImport:
    """The answer to a submission. The same upload again gets the first import."""

    dataset_import: DatasetImport
    is_replay: bool


def submit_import(
    new: NewImport,
    idempotency_key: str | None = None,
    *,
    queue_limit: int = QUEUE_LIMITS[Kind.DATASET_IMPORT],
) -> ScriptCall[SubmittedImport]:
    """Queue an import and reserve its name.

    Raises:
        DatasetNameTakenError: another upload is being imported under this name.
        ParentDeletedError: the dataset of which a version is made does not exist any more.
        IdempotencyMismatchError: the key was used with another name, other options or other bytes.
        QueueFullError: `queue_limit` imports are queued already.
        UploadNotFoundError: the upload in parts has expired.
        JobNotFoundError: the import of the upload in parts was deleted.
    """
    idempotency = Idempotency(idempotency_key, f"{new.fingerprint} {new.name}") if idempotency_key else None
    arguments = {
        **submission_arguments(
            Kind.DATASET_IMPORT,
            new.import_id,
            name=new.name,
            project=new.project,
            created_by=new.created_by,
            idempotency=idempotency,
            queue_limit=queue_limit,
            schema_version=new.schema_version,
        ),
        "upload": new.upload,
        "has_parts": new.has_parts or None,
        "source": new.source and json.dumps(new.source),
        "upload_sha256": new.fingerprint,
        "import_options": new.options_json or "",
        "size_bytes": new.size_bytes,
        "parent": new.parent or "",
        "note": json.dumps(new.note) if new.note else "",
    }

    def read(reply: Reply) -> SubmittedImport:
        _, text, is_replay = read_submitted(reply)
        return SubmittedImport(DatasetImport.model_validate_json(text), is_replay)

    return QUEUE_SCRIPTS.call("imports/submit", arguments, read)


def get_import(import_id: str, project: str | None = DEFAULT_PROJECT) -> ScriptCall[DatasetImport]:
    """Read one import; upkeep passes no project.

    Raises:
        JobNotFoundError: no import has this id.
    """
    arguments = {"item_id": import_id, "project": project}
    return QUEUE_SCRIPTS.call(
        "reads/get", arguments, lambda reply: DatasetImport.model_validate_json(reply[0])
    )


def list_imports(
    *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[Sequence[DatasetImport]]:
    """List at most `limit` imports that made no dataset: queued, running, failed or cancelled; newest first."""
    arguments = {
        "limit": limit,
        "after": after,
        "budget": limit,
        "indexes": [scoped(project, redis_keys.IMPORTS)],
    }
    return QUEUE_SCRIPTS.call(
        "reads/list_items",
        arguments,
        lambda reply: [DatasetImport.model_validate_json(text) for text in reply[1:]],
    )


def note_dataset(import_id: str, attempt_id: str, dataset_id: str) -> ScriptCall[None]:
    """Note the dataset that an import stores from now on: until the import has ended, it cannot be deleted.

    Raises:
        StaleAttemptError: the attempt no longer holds the import.
        DatasetBeingDeletedError: the files of the same dataset are being deleted.
    """
    arguments = {"item_id": import_id, "attempt_id": attempt_id, "dataset_id": dataset_id}
    return QUEUE_SCRIPTS.call("imports/note_dataset", arguments, lambda _: None)


def succeed_import(import_id: str, attempt_id: str, dataset_id: str, record: str) -> ScriptCall[Status]:
    """End an import whose dataset is in storage, and register the dataset under the import's name.

    Args:
        import_id: the import.
        attempt_id: the attempt that holds it.
        dataset_id: id of the dataset.
        record: the registry's record of the dataset, as JSON. Of a dataset that the registry knows, it replaces what an
            earlier reader found; who added it when stays.

    Raises:
        StaleAttemptError: the attempt no longer holds the import.
        WrongStateError: the import is being cancelled.
        DatasetNameTakenError: the name belongs to another dataset.
        DatasetUnchangedError: the new version is a version of its name already.
        ParentDeletedError: the dataset that the version corrects was deleted.
    """
    arguments = {
        "item_id": import_id,
        "attempt_id": attempt_id,
        "dataset_id": dataset_id,
        "record": record,
    }
    return QUEUE_SCRIPTS.call("imports/succeed", arguments, read_status)


def ended_imports() -> Commands[list[str]]:
    """Read the ids of the ended imports whose upload may be in storage and for which jobs may wait."""
    return Commands((("SMEMBERS", redis_keys.ENDED_IMPORTS),), lambda results: sorted(results[0]))


def note_settled(import_id: str) -> ScriptCall[None]:
    """Note that nothing is left to do after the end of an import, and delete its record if its owner did."""
    return QUEUE_SCRIPTS.call("imports/note_settled", {"item_id": import_id}, lambda _: None)
