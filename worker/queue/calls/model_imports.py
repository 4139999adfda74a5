"""What only imports of models have: submit, the commit of the publication, and success."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.queue.attempt_messages import Committed
from worker.queue.calls.attempts import read_status
from worker.queue.calls.claims import read_committed
from worker.queue.calls.requests import Idempotency, read_submitted, submission_arguments
from worker.queue.ids import upload_key
from worker.queue.kinds import QUEUE_LIMITS, VERSION_WITH_MODEL_IMPORTS, Kind
from worker.queue.records import ModelImport
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Reply, ScriptCall


@dataclass(frozen=True)
class NewModelImport:
    """A bundle in storage, to be imported as the next version of a model."""

    import_id: str
    name: str | None
    """Of the model; None for the name in the bundle."""
    size_bytes: int
    sha256: str
    """Of the bundle."""
    created_by: str | None = None
    project: str = DEFAULT_PROJECT

    @property
    def upload(self) -> str:
        """The storage key of the bundle."""
        return upload_key(self.import_id)


@dataclass(frozen=True)
class SubmittedModelImport:
    """The answer to a submission. A repeated Idempotency-Key gets the first answer."""

    model_import: ModelImport
    is_replay: bool


def submit_model_import(
    new: NewModelImport,
    idempotency_key: str | None = None,
    *,
    queue_limit: int = QUEUE_LIMITS[Kind.MODEL_IMPORT],
) -> ScriptCall[SubmittedModelImport]:
    """Queue an import.

    Raises:
        IdempotencyMismatchError: the key was used with another name or other bytes.
        QueueFullError: `queue_limit` items of its lane are queued already.
    """
    body = json.dumps([new.name, new.sha256])
    arguments = {
        **submission_arguments(
            Kind.MODEL_IMPORT,
            new.import_id,
            name=new.name or "",
            project=new.project,
            created_by=new.created_by,
            idempotency=Idempotency(idempotency_key, body) if idempotency_key else None,
            queue_limit=queue_limit,
            schema_version=VERSION_WITH_MODEL_IMPORTS,
        ),
        "upload": new.upload,
        "size_bytes": new.size_bytes,
    }

    def read(reply: Reply) -> SubmittedModelImport:
        _, text, is_replay = read_submitted(reply)
        return SubmittedModelImport(ModelImport.model_validate_json(text), is_replay)

    return QUEUE_SCRIPTS.call("model_imports/submit", arguments, read)


def get_model_import(import_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[ModelImport]:
    """Read one import.

    Raises:
        JobNotFoundError: no work item has this id.
    """
    arguments = {"item_id": import_id, "project": project}
    return QUEUE_SCRIPTS.call("reads/get", arguments, lambda reply: ModelImport.model_validate_json(reply[0]))


def commit_model_import(
    import_id: str, attempt_id: str, name: str, draft: Mapping[str, Any]
) -> ScriptCall[Committed]:
    """Assign the version of a model whose files are in storage; `draft` is its manifest without version and time.

    Raises:
        StaleAttemptError: the attempt no longer holds the import.
        JobCancelledError: the import is being cancelled.
    """
    arguments = {
        "item_id": import_id,
        "attempt_id": attempt_id,
        "name": name,
        "model_id": draft["id"],
        "draft": json.dumps(draft, ensure_ascii=False),
    }
    return QUEUE_SCRIPTS.call("model_imports/commit", arguments, read_committed)


def succeed_model_import(import_id: str, attempt_id: str) -> ScriptCall[Status]:
    """End an import whose manifest is in storage, and register its model.

    Raises:
        StaleAttemptError: the attempt no longer holds the import.
        NothingCommittedError: no version was assigned.
        WrongStateError: the import has ended.
    """
    arguments = {"item_id": import_id, "attempt_id": attempt_id}
    return QUEUE_SCRIPTS.call("model_imports/succeed", arguments, read_status)
