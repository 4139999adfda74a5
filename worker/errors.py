"""Every way a job, model or dataset operation can be refused."""

from typing import ClassVar


class WorkerError(Exception):
    """Root of this package's errors; the message says what to do next."""

    code: ClassVar[str] = "internal_error"


class StoreUnavailableError(WorkerError):
    """Raised when Redis cannot be reached or cannot take a write; trying again later is right."""

    code = "store_unavailable"


class RedisUnusableError(WorkerError):
    """Raised at start when this Redis must not hold our records: unreachable, too old, evicting, a cluster."""

    code = "redis_unusable"


class StoreOccupiedError(WorkerError):
    """Raised when a backup is to be restored over records."""

    code = "store_occupied"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"This Redis knows {what} already, and a restore never mixes or replaces: start a new service "
            "(`ninefold up --data-dir NEW`, or an empty Redis and an empty storage folder) and restore into that."
        )


class BackupUnreadableError(WorkerError):
    """Raised when a file is no whole backup; the message says why."""

    code = "backup_unreadable"


class JobNotFoundError(WorkerError):
    """Raised when no job has this id."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id}: it was never made, or it was deleted.")
        self.job_id = job_id


class StaleAttemptError(WorkerError):
    """Raised when a write names an attempt that no longer holds its job: it must stop at once."""

    code = "stale_attempt"

    def __init__(self, job_id: str, attempt_id: str) -> None:
        super().__init__(f"Attempt {attempt_id} no longer holds job {job_id}: stop it.")
        self.job_id = job_id
        self.attempt_id = attempt_id


class WrongStateError(WorkerError):
    """Raised when a job's status does not allow what was asked."""

    code = "wrong_state"

    def __init__(self, job_id: str, status: str, allowed: str) -> None:
        super().__init__(f"Job {job_id} is {status}; this needs it to be {allowed.replace(',', ' or ')}.")
        self.job_id = job_id
        self.status = status
        self.allowed = allowed.split(",")


class PublishCommittedError(WorkerError):
    """Raised when a job is past its commit point: its model is being published and cannot be called back."""

    code = "publishing"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} is publishing its model, which cannot be called back; delete the model after."
        )
        self.job_id = job_id


class NothingToPublishError(WorkerError):
    """Raised when a job is to stop with its best so far, and there is none yet."""

    code = "nothing_to_publish"

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"Job {job_id} has not finished an epoch, so it has nothing to publish: wait for one, or cancel it."
        )
        self.job_id = job_id


class JobCancelledError(WorkerError):
    """Raised when an attempt wants to publish but its job is to be cancelled."""

    code = "job_cancelled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} is being cancelled: finish it as cancelled.")
        self.job_id = job_id


class NothingCommittedError(WorkerError):
    """Raised when an attempt says it succeeded but never committed a model."""

    code = "nothing_committed"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} has no committed model: call commit_publish before finish.")
        self.job_id = job_id


class QueueFullError(WorkerError):
    """Raised when as many jobs are queued as this service takes."""

    code = "queue_full"

    def __init__(self, limit: str) -> None:
        super().__init__(f"{limit} jobs are queued already: try again when some have run.")
        self.limit = int(limit)


class IdempotencyMismatchError(WorkerError):
    """Raised when an Idempotency-Key comes back with another body."""

    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another body in the last 24 h: use a new one.")


class ModelNotFoundError(WorkerError):
    """Raised when no model answers to this reference."""

    code = "model_not_found"

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no model {ref}: GET /models lists those there are.")
        self.ref = ref


class NoProductionError(WorkerError):
    """Raised when a name has models, but none of them is its production model."""

    code = "no_production"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No version of {name} is in production: set the alias, or ask for {name}:latest or {name}:1."
        )
        self.name = name


class ModelInUseError(WorkerError):
    """Raised when a model cannot go because an alias points at it."""

    code = "model_in_use"

    def __init__(self, model_id: str, alias: str) -> None:
        super().__init__(f"The alias {alias} points at {model_id}: move or delete the alias first.")
        self.model_id = model_id
        self.alias = alias


class AliasNotFoundError(WorkerError):
    """Raised when a name has no such alias."""

    code = "alias_not_found"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(f"{name} has no alias {alias}.")
        self.name = name
        self.alias = alias


class DatasetNotFoundError(WorkerError):
    """Raised when no dataset has this id or name."""

    code = "dataset_not_found"

    def __init__(self, ref: str) -> None:
        super().__init__(f"There is no dataset {ref}: GET /datasets lists those there are.")
        self.ref = ref


class DatasetNameTakenError(WorkerError):
    """Raised when a dataset's name belongs to another one: a ready dataset never changes."""

    code = "dataset_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} names another dataset, and datasets never change: choose a new name.")
        self.name = name
