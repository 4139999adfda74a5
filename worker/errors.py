"""The errors of the worker package: each refusal of an operation on a work item, model or dataset has a class and a code."""

from typing import ClassVar


class WorkerError(Exception):
    """Root of the errors of this package. The message says what to do next."""

    code: ClassVar[str] = "internal_error"
    may_have_been_applied: ClassVar[bool] = False
    """Whether the call may have changed records although it failed."""


class StoreUnavailableError(WorkerError):
    """Raised when Redis cannot be reached or accepts no write for now. The caller may retry."""

    code = "store_unavailable"
    may_have_been_applied = True


class StoreRefusedError(StoreUnavailableError):
    """Raised when Redis answers that it accepts no writes for now: the call changed nothing.

    A call that was applied, whose reply was lost and which redis-py sent again, gets its first reply and no refusal, as
    long as Redis accepts reads. Where it accepts nothing, the call may have been applied: StoreUnavailableError.
    """

    code = "store_refused"
    may_have_been_applied = False


class RedisUnusableError(WorkerError):
    """Raised at start when Redis is not fit to hold the records: unreachable, too old, evicting, or a cluster."""

    code = "redis_unusable"


class JobNotFoundError(WorkerError):
    """Raised when no job, or no other work item, has this id."""

    code = "job_not_found"

    def __init__(self, item_id: str) -> None:
        super().__init__(f"There is no {item_id}: it was never submitted, or it was deleted.")
        self.item_id = item_id


class ImportEndedError(WorkerError):
    """Raised when a job is submitted to wait for an import that has ended meanwhile: look the dataset up again."""

    code = "import_ended"

    def __init__(self, import_id: str) -> None:
        super().__init__(f"The import {import_id} has ended: look the dataset up again.")


class ClaimUnreadableError(WorkerError):
    """Raised when a claimed item cannot be read: another version of Ninefold wrote it. A newer worker may read it."""

    code = "claim_unreadable"

    def __init__(self, item_id: str, reason: str) -> None:
        super().__init__(f"{item_id} was written by another version of Ninefold and cannot be read: {reason}")
        self.item_id = item_id


class StaleAttemptError(WorkerError):
    """Raised when an attempt writes but no longer holds its work item. The attempt must stop at once."""

    code = "stale_attempt"

    def __init__(self, item_id: str, attempt_id: str) -> None:
        super().__init__(f"Attempt {attempt_id} no longer holds {item_id}: stop it.")
        self.item_id = item_id
        self.attempt_id = attempt_id


class WrongStateError(WorkerError):
    """Raised when the status of a work item does not allow the requested change."""

    code = "wrong_state"

    def __init__(self, item_id: str, status: str, allowed: str) -> None:
        super().__init__(
            f"{item_id} is {status}. This is possible only while it is {allowed.replace(',', ' or ')}."
        )
        self.item_id = item_id
        self.status = status
        self.allowed = allowed.split(",")


class PublishCommittedError(WorkerError):
    """Raised when a job cannot change any more because the publication of its model is committed."""

    code = "publishing"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} is publishing its model, which cannot be undone: delete the model afterwards."
        )
        self.job_id = job_id


class NothingToPublishError(WorkerError):
    """Raised when a job is stopped before it has completed an epoch."""

    code = "nothing_to_publish"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} has not finished an epoch, so it has nothing to publish: wait for an epoch, or cancel the job."
        )
        self.job_id = job_id


class JobCancelledError(WorkerError):
    """Raised when an attempt commits a model but its job is being cancelled."""

    code = "job_cancelled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} is being cancelled: finish it as cancelled.")
        self.job_id = job_id


class NothingCommittedError(WorkerError):
    """Raised when an attempt reports success without having committed a model."""

    code = "nothing_committed"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} has no committed model: call commit_publish before finish.")
        self.job_id = job_id


class QueueFullError(WorkerError):
    """Raised when the queue of a lane has reached its limit."""

    code = "queue_full"

    def __init__(self, limit: str) -> None:
        super().__init__(f"The queue is full ({limit} are waiting): try again when some have run.")
        self.limit = int(limit)


class UploadNotFoundError(WorkerError):
    """Raised when no upload in parts has this id, or it has expired."""

    code = "upload_not_found"

    def __init__(self, upload_id: str) -> None:
        super().__init__(
            f"There is no upload {upload_id}: it expired, or was ended. Begin again: POST /uploads."
        )
        self.upload_id = upload_id


class WrongOffsetError(WorkerError):
    """Raised when a part does not begin where the parts before it end, or its upload has another length."""

    code = "wrong_offset"

    def __init__(self, offset: str) -> None:
        super().__init__(
            f"{offset} bytes of this upload have arrived: read its offset and length (HEAD), and go on from there."
        )
        self.offset = int(offset)


class SourceRefusedError(WorkerError):
    """Raised when an import may not read from an address, or the address is invalid. The message says what to do."""

    code = "source_refused"


class TooManyPartsError(WorkerError):
    """Raised when an upload consists of too many parts."""

    code = "too_many_parts"

    def __init__(self, limit: str) -> None:
        super().__init__(f"This upload has {limit} parts, the most possible: begin again with larger parts.")


class IdempotencyMismatchError(WorkerError):
    """Raised when an Idempotency-Key is reused with another body."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another body in the last 24 h: use a new one.")


class ModelNotFoundError(WorkerError):
    """Raised when a reference finds no model."""

    code = "model_not_found"

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no model {ref}: GET /models lists all models.")
        self.ref = ref


class AliasMovedError(WorkerError):
    """Raised when an alias does not point at the version that the caller expected."""

    code = "alias_moved"

    def __init__(self, name: str, alias: str, version: str) -> None:
        found = f"points at version {version}" if version else "does not exist"
        super().__init__(
            f"{alias} of {name} {found}, which is not what you expected: look at it, and decide again."
        )
        self.name = name
        self.alias = alias
        self.version = int(version) if version else None


class DatasetNotFoundError(WorkerError):
    """Raised when no dataset has this id or name."""

    code = "dataset_not_found"

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no dataset {ref}: GET /datasets lists all datasets.")
        self.ref = ref


class DatasetNameTakenError(WorkerError):
    """Raised when an upload gets a name that belongs to another dataset already."""

    code = "dataset_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is the name of another dataset, and datasets never change: choose a new name, or make the next version "
            f"of that dataset with `ninefold datasets correct {name} --add FOLDER` (POST /datasets/{name}/versions)."
        )
        self.name = name


class DatasetUnchangedError(WorkerError):
    """Raised when a new version of a dataset turns out to be one of its versions."""

    code = "dataset_unchanged"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            f"These images are version {version} of {name} already: use {name}@{version}. No version was made."
        )
        self.name = name
        self.version = int(version)


class ParentDeletedError(WorkerError):
    """Raised when the dataset of which a version is made was deleted meanwhile."""

    code = "parent_deleted"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The dataset that this version of {name} corrects was deleted: make the version from another one, which "
            f"GET /datasets/{name}/versions lists, or add the folder again."
        )
        self.name = name


class DatasetBeingDeletedError(WorkerError):
    """Raised when a dataset is to be stored while the files of the same dataset are being deleted. Try again later."""

    code = "dataset_being_deleted"

    def __init__(self, dataset_id: str) -> None:
        super().__init__(f"{dataset_id} is being deleted: try again.")
        self.dataset_id = dataset_id
